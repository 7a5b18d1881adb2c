"""The life of a document: one final state, whatever the order in which facts arrive."""
