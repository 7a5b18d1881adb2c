"""XDS metadata of a document, derived from its header (IHE ITI TF-3; CI-SIS, volet partage de documents de santé)."""
