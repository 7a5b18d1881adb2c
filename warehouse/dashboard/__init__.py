"""The dashboard: a static site in French and English made of published figures, and of nothing else."""
