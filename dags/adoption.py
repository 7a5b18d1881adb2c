"""The adoption DAG: whenever records came in, judge new batches, publish, measure, draw. Idempotent, one at a time."""

from __future__ import annotations

from airflow.sdk import Asset, dag, task

RECORDS = Asset("carnet://records")


@dag(
    description="Judge new batches, publish the marts, compute the adoption figures, draw the dashboard",
    schedule=[RECORDS],
    catchup=False,
    max_active_runs=1,
    default_args={"retries": 2, "retry_delay": 10},
    tags=["figures"],
)
def adoption() -> None:
    """Events that come while a run goes on are answered by one more run."""

    @task(retries=0)
    def gates() -> None:
        """A batch that fails a critical expectation stops here, until an operator has looked at it."""
        from carnet import tasks

        tasks.gates()

    @task
    def publish() -> None:
        from carnet import tasks

        tasks.publish()

    @task
    def measure() -> None:
        from carnet import tasks

        tasks.measure()

    @task
    def dashboard() -> None:
        from carnet import tasks

        tasks.dashboard()

    gates() >> publish() >> measure() >> dashboard()


adoption()
