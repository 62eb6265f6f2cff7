"""The component that gives a new version a growing share of the requests, and promotes it or rolls it back."""

from kfp.dsl import Artifact, Output

from headrace.components.base import component


@component
def rollout(
    candidate: str,
    record: Output[Artifact],
    name: str = "",
    to: str = "local",
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
    namespace: str = "",
    deadline: str = "",
) -> str:
    """Give a published bundle a growing share of an endpoint's requests; promote it, or roll it back.

    Args:
        candidate: Store URI of the model, as ``publish`` returned it.
        record: The decision record: JSON with every step, its numbers, bounds, decision and reason.
        name: Name of the endpoint on KServe; with ``local`` it is the stable bundle's own.
        to: Where: ``kserve``, or ``local`` for a trial on the step's machine, with a table's rows as requests.
        stable: With ``local``: folder or store URI of the bundle in service.
        table: With ``local``: path, glob or address of the table whose rows are sent as requests.
        steps: Shares of the requests, in percent, up to 100.
        step_requests: Minimum requests to the candidate in a step.
        step_time: Shortest time of a step, such as ``10m``; empty for a minute, with ``local`` for two seconds.
        patience: Longest time of a step; empty for an hour, with ``local`` for five minutes.
        look: Time between two polls; empty for 15 seconds, with ``local`` for one.
        tolerances: How much worse it may be, by check: ``errors``, ``latency``, ``slow``, ``shift``, ``outcome``.
        undecided: What to do when the longest time of a step is over: ``rollback`` or ``promote``.
        traffic: On KServe: ``canary``, ``knative`` or ``graph``; empty to ask the cluster.
        prometheus: On KServe: address of Prometheus; empty to ask the pods.
        selector: Further label matchers for Prometheus.
        known: PromQL query of the number of labelled predictions, by the label ``digest``; empty for none.
        wrong: PromQL query of the number of those that were wrong, likewise.
        namespace: Namespace of the InferenceService; empty for the step's own.
        deadline: Longest time for the candidate to come up, such as ``10m``, which is the default.

    Returns:
        ``promoted``, ``rolled_back`` or ``aborted``.
    """
    from headrace.steps.release.rollout import run_rollout

    return run_rollout(
        candidate=candidate,
        record=record,
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
        namespace=namespace,
        deadline=deadline,
    )
