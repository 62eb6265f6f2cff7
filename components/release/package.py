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
    answers: str = "",
    copies: bool = False,
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
        answers: Path or address of a card file with answers for the model card and the risk sheet (default: none).
        copies: Whether training and test rows are copied into the bundle.
        fingerprint: Fingerprint of ``answers``: the bundle of an earlier run is reused only for the same ones.
    """
    import shutil
    from pathlib import Path

    from headrace.core.base.parameter_text import plain, plain_texts
    from headrace.core.packaging.package import BundleInputs, pack
    from headrace.core.packaging.update_card import answers_of
    from headrace.core.runtime.step_events import step
    from headrace.core.runtime.step_trace import line_trace
    from headrace.stores.sources.small_file import one_file

    with step("package") as say, one_file(plain(answers), fingerprint) as file:
        parts = BundleInputs(
            model=Path(model.path),
            contract=Path(contract.path),
            test_table=Path(test_table.path),
            test_actuals=Path(test_actuals.path),
            evaluation=Path(evaluation.path),
            verdict=Path(verdict.path),
            best_parameters=Path(best_parameters.path),
            checks=Path(checks.path),
            train_table=Path(train_table.path),
            card=file if answers else None,
            copies=bool(copies),
        )
        steps = ("ingest", "infer_contract", "split", "tune", "evaluate", "gate")
        artifacts = (table, contract, train_table, best_parameters, evaluation, verdict)
        metadata = {name: artifact.metadata for name, artifact in zip(steps, artifacts, strict=True)}
        packaged = pack(
            Path(bundle.path),
            parts=parts,
            source=plain_texts(table.metadata),
            split=plain_texts(train_table.metadata),
            trace=line_trace(metadata, parts.by_step()),
        )
        unanswered = len(answers_of(packaged).missing)
        say(f"{packaged.digest[:12]}, {len(packaged.manifest.files)} files, {unanswered} questions unanswered")
        shutil.copyfile(packaged.folder / "card.md", card.path)
        shutil.copyfile(packaged.folder / "risk.md", risk.path)
        bundle.metadata.update({"name": packaged.name, "digest": packaged.digest, "framework": "scikit-learn"})
