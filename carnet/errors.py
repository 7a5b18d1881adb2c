"""Errors an operator can mend: one line, exit code 2, never a traceback."""

from __future__ import annotations


class OperatorError(Exception):
    """What is wrong and what to do about it, in one sentence without any patient value."""


class GateClosed(OperatorError):
    """A batch failed a critical expectation: nothing is published until it is mended or accepted."""
