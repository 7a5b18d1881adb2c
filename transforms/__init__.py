"""What it means: canonical records, identity, time, terminology, lifecycle."""
