"""CDA R2: the hardened XML parser, header, body."""
