"""Packaging: the outputs of a run's steps become a bundle."""

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from headrace.core.base.errors import InputError
from headrace.core.base.files import read_json, write_text
from headrace.core.bundles import integrity
from headrace.core.bundles.bundle import Bundle, open_bundle
from headrace.core.bundles.manifest import MANIFEST
from headrace.core.contracts import contract_yaml
from headrace.core.drift.input_profile import InputProfile, TrainingRows, event_times, profile_inputs
from headrace.core.evaluation.evaluate import read_test
from headrace.core.evaluation.evaluation_document import Evaluation
from headrace.core.evaluation.verdict import GateVerdict
from headrace.core.models import fitted_model as models
from headrace.core.models import model_files
from headrace.core.models.fitted_model import Model
from headrace.core.packaging import bundle_files, data_digest
from headrace.core.packaging.bundle_content import BundleContent
from headrace.core.packaging.cards import card_answers
from headrace.core.packaging.cards.card_answers import CardAnswers
from headrace.core.validation.data_checks import DataChecks
from headrace.core.validation.table import blocks

__all__ = ["BundleContent", "BundleInputs", "assemble", "pack", "write"]


@dataclass(frozen=True)
class BundleInputs:
    """The files and folders that a bundle is made from.

    Attributes:
        model: Folder of the model.
        contract: The data contract; it must be the one that the model was fitted under.
        test_table: Folder of the test rows without the target.
        test_actuals: Folder of their target.
        evaluation: JSON file of ``evaluate``.
        verdict: JSON file of ``gate``.
        best_parameters: JSON file of ``tune``.
        checks: JSON file of ``validate``.
        train_table: Folder of the training rows; None to leave out their digest.
        card: YAML file with people's answers; None if there is none.
        include_data: Whether the training and test rows are copied into the bundle.
    """

    model: Path
    contract: Path
    test_table: Path
    test_actuals: Path
    evaluation: Path
    verdict: Path
    best_parameters: Path
    checks: Path
    train_table: Path | None = None
    card: Path | None = None
    include_data: bool = False

    def by_step(self) -> dict[str, Path]:
        """Return the outputs of steps whose digest no other artifact records, by step."""
        return {
            "infer_contract": self.contract,
            "tune": self.best_parameters,
            "train": self.model,
            "evaluate": self.evaluation,
            "gate": self.verdict,
        }


def pack(
    folder: Path,
    *,
    parts: BundleInputs,
    source: Mapping[str, Any],
    split: Mapping[str, Any] | None = None,
    trace: Mapping[str, Any] | None = None,
) -> Bundle:
    """Make a bundle from the outputs of a run's steps; equal parts give equal bytes.

    Args:
        folder: Where to write it; it appears when it is complete, in place of an older one.
        parts: The files and folders.
        source: Metadata of ingest's table: ``source``, ``digest``, ``rows``, ``columns``, ``read``.
        split: Metadata of split's training table: ``method``, ``test_size``, ``seed``, ``format``, ``cut``.
        trace: Arguments and digests of the steps, for a replay; None if they are unknown.

    Returns:
        The bundle.

    Raises:
        InputError: If a part cannot be read, or does not belong to the same run as the others.
    """
    evaluation = Evaluation.read(parts.evaluation)
    test = read_test(parts.test_table, parts.test_actuals)
    fitted = models.load(parts.model)
    if contract_yaml.load(parts.contract) != fitted.contract:
        raise InputError(f"{parts.contract} must be the contract that the model was fitted under; it is another.")
    content = BundleContent(
        model=fitted,
        test=test,
        evaluation=evaluation,
        verdict=GateVerdict.from_json(_document(parts.verdict)),
        best=_document(parts.best_parameters),
        checks=DataChecks.read(parts.checks),
        model_files=model_files.read(parts.model),
        train=data_digest.describe_table(parts.train_table, copy=parts.include_data) if parts.train_table else None,
        inputs=_profile_training_rows(fitted, parts.train_table) if parts.train_table else None,
        split=split or {},
        trace=trace or {},
        answers=card_answers.load(parts.card) if parts.card else CardAnswers(),
        include_data=parts.include_data,
    )
    return assemble(folder, content, source=source)


def assemble(folder: Path, content: BundleContent, *, source: Mapping[str, Any]) -> Bundle:
    """Make a bundle from values in memory; equal values give equal bytes.

    Args:
        folder: Where to write it; it appears when it is complete, in place of an older one.
        content: The content.
        source: Metadata of ingest's table: ``source``, ``digest``, ``rows``, ``columns``.

    Returns:
        The bundle.

    Raises:
        InputError: If the evaluation is of another task than the model.
    """
    fitted = _with_threshold(content.model, content.evaluation)
    files: dict[str, bytes | Path] = {**bundle_files.render_files(replace(content, model=fitted), source)}
    if content.include_data:
        files |= bundle_files.data_files(content)
    return write(folder, files, name=fitted.contract.name)


def write(folder: Path, files: Mapping[str, bytes | Path], *, name: str) -> Bundle:
    """Write a bundle from its files.

    Args:
        folder: Where to write it; it appears when it is complete, in place of an older one.
        files: Content of each file but the manifest, or a file to copy, by its path in the bundle.
        name: Name of the model.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        for path, content in files.items():
            (part / path).parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, Path):
                shutil.copyfile(content, part / path)
            else:
                (part / path).write_bytes(content)
        write_text(part / MANIFEST, integrity.make(part, name).dumps())
        part.chmod(0o755)  # `mkdtemp` makes a folder that only its owner reads
        # A rename cannot replace a folder that holds files.
        shutil.rmtree(folder, ignore_errors=True)
        part.rename(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return open_bundle(folder)


def _with_threshold(fitted: Model, evaluation: Evaluation) -> Model:
    """Return the model with the threshold that the evaluation chose, if it chose one."""
    if evaluation.task != fitted.contract.task:
        raise InputError(
            f"the evaluation must be of a {fitted.contract.task} task, as the model is; it is of {evaluation.task!r}."
        )
    if evaluation.alerts:
        return fitted.with_threshold(evaluation.alerts.threshold.value)
    return fitted.with_threshold(float(evaluation.threshold.value)) if evaluation.threshold else fitted


def _profile_training_rows(fitted: Model, train_table: Path) -> InputProfile:
    """Profile the inputs of the training rows, read block by block."""

    def read() -> Iterator[TrainingRows]:
        for frame in blocks(train_table):
            times = event_times(frame, fitted.contract)
            # How much predictions vary in time needs both.
            yield TrainingRows(fitted.encode(frame), times, None if times is None else fitted.score(frame))

    return profile_inputs(read, fitted.contract)


def _document(path: Path) -> dict[str, Any]:
    document = read_json(path)
    if not isinstance(document, dict):
        raise InputError(f"{path} must be a JSON file with an object; it holds something else.")
    return document
