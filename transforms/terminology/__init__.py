"""What the codes, units and numbers of a result mean in public terms, beside what was said and never in its place."""
