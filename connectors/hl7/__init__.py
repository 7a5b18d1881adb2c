"""HL7v2: framing, charset, segments, messages and what they enclose."""
