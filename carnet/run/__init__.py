"""The main job through a real Airflow on this machine: `python -m carnet.run`."""
