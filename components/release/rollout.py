"""The component that gives a new version a growing share of the requests, and promotes it or rolls it back."""

from kfp.dsl import Artifact, Output

from headrace.components.base import component


@component
def rollout(
    candidate: str,
    record: Output[Artifact],
    name: str = "",
    platform: str = "local",
    stable: str = "",
    table: str = "",
    steps: list = [1, 5, 25, 50, 100],  # noqa: B006 - KFP reads the default and never changes it
    step_requests: int = 200,
    step_duration: str = "",
    step_timeout: str = "",
    poll_interval: str = "",
    tolerances: dict = {},  # noqa: B006
    on_timeout: str = "rollback",
    traffic: str = "",
    prometheus: str = "",
    selector: str = "",
    labelled_query: str = "",
    error_query: str = "",
    namespace: str = "",
    deadline: str = "",
    enter_production: bool = False,
) -> str:
    """Give a published bundle a growing share of an endpoint's requests; promote it, or roll it back.

    Args:
        candidate: Store URI of the model, as ``publish`` returned it.
        record: The decision record: JSON with every step, its numbers, bounds, decision and reason.
        name: Name of the endpoint on KServe; empty for the model's. With ``local`` it is the stable bundle's own.
        platform: Where: ``kserve``, or ``local`` for a trial on the step's machine, with a table's rows as requests.
        stable: With ``local``: folder or store URI of the bundle in service.
        table: With ``local``: path, glob or address of the table whose rows are sent as requests.
        steps: Shares of the requests, in percent, up to 100.
        step_requests: Minimum requests to the candidate in a step.
        step_duration: Minimum duration of a step, such as ``10m``; empty for a minute, with ``local`` for two seconds.
        step_timeout: Maximum duration of a step; empty for an hour, with ``local`` for five minutes.
        poll_interval: Time between two polls of the metrics; empty for 15 seconds, with ``local`` for one.
        tolerances: How much worse it may be, by check: ``errors``, ``latency``, ``slow``, ``shift``, ``outcome``.
        on_timeout: What to do at the end of ``step_timeout``: ``rollback`` or ``promote``.
        traffic: On KServe: how requests are split: ``canary``, ``knative`` or ``graph``; empty to ask the cluster.
        prometheus: On KServe: address of Prometheus; empty to ask the pods.
        selector: Further label matchers for Prometheus.
        labelled_query: PromQL query of the number of labelled predictions, by the label ``digest``; empty for none.
        error_query: PromQL query of the number of labelled predictions that are wrong, by the label ``digest``.
        namespace: Namespace of the InferenceService; empty for the step's own.
        deadline: Maximum time until the candidate is live; empty for ``10m``.
        enter_production: Whether a promoted version enters the stage ``production`` in place of the former one.

    Returns:
        ``promoted``, ``rolled_back`` or ``aborted``.
    """
    from headrace.steps.release.rollout import run_rollout

    return run_rollout(
        candidate=candidate,
        record=record,
        name=name,
        platform=platform,
        stable=stable,
        table=table,
        steps=steps,
        step_requests=step_requests,
        step_duration=step_duration,
        step_timeout=step_timeout,
        poll_interval=poll_interval,
        tolerances=tolerances,
        on_timeout=on_timeout,
        traffic=traffic,
        prometheus=prometheus,
        selector=selector,
        labelled_query=labelled_query,
        error_query=error_query,
        namespace=namespace,
        deadline=deadline,
        enter_production=enter_production,
    )
