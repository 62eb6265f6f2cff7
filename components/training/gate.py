"""The component that decides whether the model may take over."""

from typing import NamedTuple, Optional

from kfp.dsl import Artifact, Dataset, Input, Model, Output

from headrace.components.base import component


class GateOutputs(NamedTuple):
    """The gate's decision, for the conditions of a pipeline.

    Attributes:
        Output: Whether the model may be published.
        use: What is to be done with it.
    """

    Output: bool
    use: str


@component
def gate(
    evaluation: Input[Artifact],
    model: Input[Model],
    test_table: Input[Dataset],
    test_actuals: Input[Dataset],
    verdict: Output[Artifact],
    checks: Optional[Input[Artifact]] = None,  # noqa: UP045 - KFP knows this spelling only
    champion: str = "",
    metric_bounds: dict = {},  # noqa: B006 - KFP wants the default as it stands
    seed: int = 0,
    publish: bool = True,
    serve: bool = True,
    serve_held: bool = True,
    fingerprint: str = "",
) -> GateOutputs:
    """Compare the model with bounds of metrics, and with the champion (or the baseline) on the same test rows.

    Args:
        evaluation: JSON from ``evaluate``.
        model: The candidate's folder.
        test_table: Test rows without the target.
        test_actuals: The target of the test rows.
        verdict: JSON: promote, hold or reject, with reasons and the comparison.
        checks: JSON from ``validate``: a feature that gives the target away keeps the model from being promoted;
            absent if it is not known.
        champion: Path or address of the bundle that the model must beat (default: the baseline).
        metric_bounds: Least values by metric, or largest where less is better, such as {"roc_auc": 0.8}; also of
            flip_share and METRIC_under_noise.
        seed: Seed of every random choice.
        publish: Whether a model that may be published is to be.
        serve: Whether a model that is published is to be served.
        serve_held: Whether a model that is held is to be served, too.
        fingerprint: Fingerprint of the champion: the verdict of an earlier run is reused only for the same one.

    Returns:
        Whether the model may be published, which it may unless it is rejected; and what is to be done with it:
        ``serve``, ``publish`` or ``keep``.
    """
    from headrace.steps.training.gate import run_gate

    return GateOutputs(
        *run_gate(
            evaluation=evaluation,
            model=model,
            test_table=test_table,
            test_actuals=test_actuals,
            verdict=verdict,
            checks=checks,
            champion=champion,
            metric_bounds=metric_bounds,
            seed=seed,
            publish=publish,
            serve=serve,
            serve_held=serve_held,
            fingerprint=fingerprint,
        )
    )
