"""A deterministic synthetic nation: people who don't exist, seven senders, and the truth about what they send."""

from carnet.synth.generate import generate
from carnet.synth.truth import Truth

__all__ = ["Truth", "generate"]
