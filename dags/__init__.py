"""Airflow: schedules, mapping, assets; no logic."""
