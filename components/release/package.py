"""The component that packages the bundle."""

from kfp.dsl import Artifact, Dataset, Input, Markdown, Model, Output

from headrace.components.base import component


@component
def package(
    model: Input[Model],
    contract: Input[Artifact],
    train_table: Input[Dataset],
    test_table: Input[Dataset],
    test_actuals: Input[Dataset],
    evaluation: Input[Artifact],
    verdict: Input[Artifact],
    best_parameters: Input[Artifact],
    checks: Input[Artifact],
    table: Input[Dataset],
    bundle: Output[Model],
    card: Output[Markdown],
    risk: Output[Markdown],
    card_answers: str = "",
    include_data: bool = False,
    fingerprint: str = "",
) -> None:
    """Put the model and everything that made it into one folder that can be checked byte by byte.

    Args:
        model: The model's folder.
        contract: The table's contract; it must be the one that the model was fitted under.
        train_table: Training rows: their digest goes into the bundle, and their metadata trace the steps so far.
        test_table: Test rows without the target.
        test_actuals: The target of the test rows.
        evaluation: JSON from ``evaluate``.
        verdict: JSON from ``gate``.
        best_parameters: JSON from ``tune``.
        checks: JSON from ``validate``.
        table: Table as ingest left it, with its source and digest as metadata.
        bundle: Folder with the model and its documents; see the guide on the bundle.
        card: The model card.
        risk: The risk sheet.
        card_answers: Path or address of a card file with answers for the model card and the risk sheet (default: none).
        include_data: Whether training and test rows are copied into the bundle.
        fingerprint: Fingerprint of ``card_answers``: the bundle of an earlier run is reused only for the same ones.
    """
    from headrace.steps.release.package import run_package

    run_package(
        model=model,
        contract=contract,
        train_table=train_table,
        test_table=test_table,
        test_actuals=test_actuals,
        evaluation=evaluation,
        verdict=verdict,
        best_parameters=best_parameters,
        checks=checks,
        table=table,
        bundle=bundle,
        card=card,
        risk=risk,
        card_answers=card_answers,
        include_data=include_data,
        fingerprint=fingerprint,
    )
