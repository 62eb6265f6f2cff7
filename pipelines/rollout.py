"""The pipeline of a rollout: a published model takes over an endpoint step by step, or goes back."""

from kfp import dsl

from headrace.components import rollout as roll_out
from headrace.pipelines.wiring import with_records, with_store


@dsl.pipeline(
    name="headrace-rollout",
    description="Give a published model a growing share of an endpoint's requests; promote it, or send it back.",
)
def rollout(
    candidate: str,
    name: str = "",
    to: str = "kserve",
    stable: str = "",
    table: str = "",
    steps: list = [1, 5, 25, 50, 100],  # noqa: B006 - KFP reads the default and never changes it
    step_requests: int = 200,
    step_time: str = "",
    patience: str = "",
    look: str = "",
    tolerances: dict = {},  # noqa: B006
    undecided: str = "rollback",
    traffic: str = "",
    prometheus: str = "",
    selector: str = "",
    known: str = "",
    wrong: str = "",
    deadline: str = "",
) -> None:
    """Roll out a published model.

    Args:
        candidate: Store URI of the model, as the training pipeline's ``publish`` returned it.
        name: Name of the endpoint on KServe.
        to: ``kserve``, or ``local`` for a trial with a table's rows as requests.
        stable: For a trial: folder or store URI of the bundle that answers now.
        table: For a trial: path, glob or address of the table.
        steps: Shares of the requests, in percent, up to 100.
        step_requests: Fewest requests of the candidate in a step.
        step_time: Shortest time of a step, such as ``10m``; empty for a minute.
        patience: Longest time of a step; empty for an hour.
        look: Time between two looks; empty for 15 seconds.
        tolerances: How much worse it may be, by check: ``errors``, ``latency``, ``slow``, ``shift``, ``outcome``.
        undecided: What becomes of it when the patience ends: ``rollback`` or ``promote``.
        traffic: ``canary``, ``knative`` or ``graph``; empty to ask the cluster.
        prometheus: Address of Prometheus; empty to ask the pods.
        selector: Further label matchers for Prometheus.
        known: PromQL query of how many predictions' truth is known, by ``digest``; empty for none.
        wrong: PromQL query of how many of them were wrong, likewise.
        deadline: Longest time for the candidate to come up, such as ``10m``; empty for that.
    """
    rolled = roll_out(
        candidate=candidate,
        name=name,
        to=to,
        stable=stable,
        table=table,
        steps=steps,
        step_requests=step_requests,
        step_time=step_time,
        patience=patience,
        look=look,
        tolerances=tolerances,
        undecided=undecided,
        traffic=traffic,
        prometheus=prometheus,
        selector=selector,
        known=known,
        wrong=wrong,
        deadline=deadline,
    )
    rolled.set_caching_options(False)
    with_store(rolled)
    with_records(rolled)
