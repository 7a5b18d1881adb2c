"""What the file says: one reader per format, nothing interpreted."""
