"""The component that makes the bundle."""

from kfp import dsl
from kfp.dsl import Artifact, Dataset, Input, Markdown, Model, Output

from headrace.components.base import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
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
) -> None:
    """Put the model and everything that made it into one folder that can be checked byte by byte.

    Args:
        model: The model's folder.
        contract: The table's contract; it must be the one that the model was fitted under.
        train_table: Training rows; their metadata tell of the steps so far.
        test_table: Test rows without the target.
        test_actuals: The target of the test rows.
        evaluation: JSON from ``evaluate``.
        verdict: JSON from ``gate``.
        best_parameters: JSON from ``tune``.
        checks: JSON from ``validate``.
        table: Table as ingest left it, with its source and digest as metadata.
        bundle: Folder with model, contract, metrics, test cases, environment, provenance, card and manifest.
        card: The model card.
    """
    import shutil
    from pathlib import Path

    from headrace.core.packing import Parts, pack
    from headrace.core.steps import step
    from headrace.core.text import plain_texts
    from headrace.core.trace import line_trace

    with step("package"):
        parts = Parts(
            model=Path(model.path),
            contract=Path(contract.path),
            test_table=Path(test_table.path),
            test_actuals=Path(test_actuals.path),
            evaluation=Path(evaluation.path),
            verdict=Path(verdict.path),
            best_parameters=Path(best_parameters.path),
            checks=Path(checks.path),
        )
        told = {
            "ingest": table.metadata,
            "infer_contract": contract.metadata,
            "split": train_table.metadata,
            "tune": best_parameters.metadata,
            "evaluate": evaluation.metadata,
            "gate": verdict.metadata,
        }
        made = pack(
            Path(bundle.path), parts=parts, source=plain_texts(table.metadata), trace=line_trace(told, parts.by_step())
        )
        shutil.copyfile(made.folder / "card.md", card.path)
        bundle.metadata.update({"name": made.name, "digest": made.digest, "framework": "scikit-learn"})
