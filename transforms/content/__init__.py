"""Coded content: what the statements of a document mean, as a small set of clinical facts of our own."""
