"""Who is who at a sender: tables of local patient numbers."""
