"""The ingest DAGs, one a kind of source: look at the landing folder, then take what is ready, chunk by chunk.

Each chunk taken emits the asset `carnet://records`, which triggers `adoption`. An empty look maps over nothing: no
task, no asset, no adoption for nothing. `CARNET_SCHEDULE` sets the rhythm (cron; empty: by hand only).
"""

from __future__ import annotations

from airflow.sdk import Asset, dag, get_current_context, task

RECORDS = Asset("carnet://records")


def ingest_dag(family: str, source: str) -> None:
    """Declare `ingest_<family>`; a run takes what one look finds."""
    import os

    @dag(
        dag_id=f"ingest_{family}",
        description=f"Take {source} from the landing folder",
        schedule=os.environ.get("CARNET_SCHEDULE", "*/5 * * * *") or None,
        catchup=False,
        max_active_runs=1,
        default_args={"retries": 2, "retry_delay": 10},
        tags=["ingest"],
    )
    def flow() -> None:
        @task
        def receive() -> list[list[dict[str, str]]]:
            from carnet import tasks

            return tasks.receive(family)

        @task(outlets=[RECORDS], multiple_outputs=False, map_index_template="{{ label }}")
        def ingest(chunk: list[dict[str, str]]) -> dict[str, int]:
            from carnet import tasks

            get_current_context()["label"] = tasks.label(chunk)
            return tasks.ingest(chunk)

        ingest.expand(chunk=receive())

    flow()


ingest_dag("hl7", "HL7v2 messages of laboratories and hospitals")
ingest_dag("cda", "CDA documents, and whatever no format fits (it is refused with a reason)")
ingest_dag("devices", "exports of connected devices and applications")
ingest_dag("accounts", "the insurer's feed of account events")
