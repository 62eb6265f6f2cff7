"""The step that packages the bundle."""

import shutil
from pathlib import Path

from headrace.core.packaging.package import BundleInputs, pack
from headrace.core.packaging.update_card import read_answers
from headrace.core.runtime.step_trace import run_trace
from headrace.steps.artifacts import StepArtifact, add_metadata, read_metadata
from headrace.steps.step_function import Say, as_step
from headrace.stores.sources.small_file import one_file


@as_step
def run_package(
    say: Say,
    *,
    model: StepArtifact,
    contract: StepArtifact,
    train_table: StepArtifact,
    test_table: StepArtifact,
    test_actuals: StepArtifact,
    evaluation: StepArtifact,
    verdict: StepArtifact,
    best_parameters: StepArtifact,
    checks: StepArtifact,
    table: StepArtifact,
    bundle: StepArtifact,
    card: StepArtifact,
    risk: StepArtifact,
    card_answers: str,
    include_data: bool,
    fingerprint: str,
) -> None:
    """Make the bundle, and copies of its card and its risk sheet; the component documents the parameters."""
    with one_file(card_answers, fingerprint) as file:
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
            card=file if card_answers else None,
            include_data=bool(include_data),
        )
        writers = {
            "ingest": table,
            "infer_contract": contract,
            "split": train_table,
            "tune": best_parameters,
            "evaluate": evaluation,
            "gate": verdict,
        }
        metadata = {step: artifact.metadata for step, artifact in writers.items()}
        packaged = pack(
            Path(bundle.path),
            parts=parts,
            source=read_metadata(table),
            split=read_metadata(train_table),
            trace=run_trace(metadata, parts.by_step()),
        )
    unanswered = len(read_answers(packaged).missing)
    say(f"{packaged.digest[:12]}, {len(packaged.manifest.files)} files, {unanswered} questions unanswered")
    shutil.copyfile(packaged.folder / "card.md", card.path)
    shutil.copyfile(packaged.folder / "risk.md", risk.path)
    framework = str(read_metadata(model).get("framework", "scikit-learn"))
    add_metadata(bundle, {"name": packaged.name, "digest": packaged.digest, "framework": framework})
