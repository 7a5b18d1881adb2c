"""The adoption DAG: whenever records came in, publish the marts, then measure. Idempotent, one run at a time."""

from __future__ import annotations

from airflow.sdk import Asset, dag, task

RECORDS = Asset("carnet://records")


@dag(
    description="Publish the marts and compute the adoption figures",
    schedule=[RECORDS],
    catchup=False,
    max_active_runs=1,
    default_args={"retries": 2, "retry_delay": 10},
    tags=["figures"],
)
def adoption() -> None:
    """Events that come while a run goes on are answered by one more run."""

    @task
    def publish() -> None:
        from carnet import tasks

        tasks.publish()

    @task
    def measure() -> None:
        from carnet import tasks

        tasks.measure()

    publish() >> measure()


adoption()
