"""The insurer's feed of account events."""
