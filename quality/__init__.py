"""Whether it can be trusted: rules per record, gates per batch, the words for both."""
