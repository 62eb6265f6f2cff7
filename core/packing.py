"""A bundle made from what the steps of a line left."""

import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from headrace.core import card, cases, contract_yaml, engine, explain, manifest
from headrace.core import model as models
from headrace.core.bundle import Bundle, open_bundle
from headrace.core.errors import InputError
from headrace.core.evaluate import read_test
from headrace.core.files import read_json, write_json, write_text
from headrace.core.manifest import MANIFEST
from headrace.core.model import Model
from headrace.core.onnx_graph import InexactError
from headrace.core.parity import TOLERANCE, exact
from headrace.core.provenance import environment, provenance

_KEPT_OF_EVALUATION = ("task", "rows", "metrics", "undefined", "baseline", "threshold", "confusion", "slices")


@dataclass(frozen=True)
class Parts:
    """What goes into a bundle.

    Attributes:
        model: Folder of the model.
        contract: The data contract; it must be the one that the model was fitted under.
        test_table: Folder of the test rows without the target.
        test_actuals: Folder of their target.
        evaluation: JSON file of ``evaluate``.
        verdict: JSON file of ``gate``.
        best_parameters: JSON file of ``tune``.
        checks: JSON file of ``validate``.
    """

    model: Path
    contract: Path
    test_table: Path
    test_actuals: Path
    evaluation: Path
    verdict: Path
    best_parameters: Path
    checks: Path

    def by_step(self) -> dict[str, Path]:
        """What the steps left of which no other artifact tells the digest, by step."""
        return {
            "infer_contract": self.contract,
            "tune": self.best_parameters,
            "train": self.model,
            "evaluate": self.evaluation,
            "gate": self.verdict,
        }


def pack(folder: Path, *, parts: Parts, source: Mapping[str, Any], trace: Mapping[str, Any] | None = None) -> Bundle:
    """Make a bundle; equal parts give equal bytes.

    Args:
        folder: Where it is to lie; it appears when it is whole, in place of an older one.
        parts: What goes in.
        source: Metadata of ingest's table: ``source``, ``digest``, ``rows``, ``columns``.
        trace: Arguments and digests of the steps, to run the line again; None if they are not known.

    Returns:
        The bundle.

    Raises:
        InputError: If a part cannot be read.
    """
    evaluation = _document(parts.evaluation)
    test = read_test(parts.test_table, parts.test_actuals)
    fitted = _with_threshold(models.load(parts.model), evaluation)
    if contract_yaml.load(parts.contract) != fitted.contract:
        raise InputError(f"{parts.contract} must be the contract that the model was fitted under; it is another.")
    documents = {
        "metrics.json": {key: evaluation[key] for key in _KEPT_OF_EVALUATION if key in evaluation},
        "cases.json": cases.make(fitted, test, test.get_column(fitted.contract.target.name)),
        "environment.json": environment(),
        "provenance.json": provenance(
            source=source,
            split=evaluation["rows"],
            model=fitted,
            best=_document(parts.best_parameters),
            checks=_document(parts.checks),
            verdict=_document(parts.verdict),
            trace=trace,
        ),
    }
    documents["engine.json"], onnx = _engine(fitted, test)
    documents[explain.FILE] = explain.reference(fitted, fitted.encoded(test))
    folder.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        _fill(part, fitted, parts, documents, onnx)
        part.chmod(0o755)
        shutil.rmtree(folder, ignore_errors=True)
        part.rename(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return open_bundle(folder)


def _fill(folder: Path, fitted: Model, parts: Parts, documents: Mapping[str, Any], onnx: bytes) -> None:
    for name in ("model.skops", "contract.yaml"):
        shutil.copyfile(parts.model / name, folder / name)
    # Only the threshold may differ from what training wrote.
    models.save_facts(fitted, folder)
    if onnx:
        (folder / engine.FILE).write_bytes(onnx)
    for name, content in documents.items():
        write_json(folder / name, content)
    write_text(folder / "card.md", card.write(fitted, documents))
    write_text(folder / MANIFEST, manifest.make(folder, fitted.contract.name).dumps())


def _engine(fitted: Model, test: pl.DataFrame) -> tuple[dict[str, Any], bytes]:
    """Content of ``engine.json``, and the model as ONNX; empty if it has no form that gives the same answers."""
    record = {"format": engine.FORMAT, "engine": "sklearn", "reason": "", "tolerance": TOLERANCE, "parity": None}
    try:
        found = exact(fitted, fitted.encoded(test))
    except InexactError as error:
        return {**record, "reason": str(error)}, b""
    return {**record, "engine": "onnx", "parity": found.parity.as_json()}, found.content


def _with_threshold(fitted: Model, evaluation: Mapping[str, Any]) -> Model:
    """The model with the threshold that the evaluation chose, if it chose one."""
    if evaluation.get("task") != fitted.contract.task:
        raise InputError(
            f"the evaluation must be of a {fitted.contract.task} task, as the model is; it is of "
            f"{evaluation.get('task')!r}."
        )
    threshold = evaluation.get("threshold") or {}
    return fitted.with_threshold(float(threshold["value"])) if threshold else fitted


def _document(path: Path) -> dict[str, Any]:
    found = read_json(path)
    if not isinstance(found, dict):
        raise InputError(f"{path} must be a JSON file with an object; it holds something else.")
    return found
