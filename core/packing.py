"""A bundle made from what the steps of a line left."""

import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from headrace.core import card, cases, contract_yaml, engine, explain, manifest, model_files
from headrace.core import model as models
from headrace.core.bundle import Bundle, open_bundle
from headrace.core.errors import InputError
from headrace.core.evaluate import read_test
from headrace.core.files import dumps, read_json, write_text
from headrace.core.manifest import MANIFEST
from headrace.core.model import Model
from headrace.core.onnx_graph import InexactError
from headrace.core.parity import TOLERANCE, exact
from headrace.core.provenance import environment, provenance

_KEPT_OF_EVALUATION = ("task", "on", "rows", "metrics", "undefined", "baseline", "threshold", "confusion", "slices")


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


@dataclass(frozen=True)
class Content:
    """What goes into a bundle, as values in memory.

    Attributes:
        model: The fitted model; the evaluation's threshold takes the place of its own.
        test: Typed test rows with the target.
        evaluation: What ``evaluate`` measured.
        verdict: What ``gate`` decided.
        best: What ``tune`` found.
        checks: What ``validate`` counted.
        skops: Bytes of the model's file, where they are at hand; empty to write them anew.
    """

    model: Model
    test: pl.DataFrame
    evaluation: Mapping[str, Any]
    verdict: Mapping[str, Any]
    best: Mapping[str, Any]
    checks: Mapping[str, Any]
    skops: bytes = field(default=b"", repr=False)


def pack(folder: Path, *, parts: Parts, source: Mapping[str, Any]) -> Bundle:
    """Make a bundle of what the steps of a line left; equal parts give equal bytes.

    Args:
        folder: Where it is to lie; it appears when it is whole, in place of an older one.
        parts: What goes in.
        source: Metadata of ingest's table: ``source``, ``digest``, ``rows``, ``columns``.

    Returns:
        The bundle.

    Raises:
        InputError: If a part cannot be read, or does not fit the others.
    """
    evaluation = _document(parts.evaluation)
    test = read_test(parts.test_table, parts.test_actuals)
    fitted = models.load(parts.model)
    if contract_yaml.load(parts.contract) != fitted.contract:
        raise InputError(f"{parts.contract} must be the contract that the model was fitted under; it is another.")
    content = Content(
        model=fitted,
        test=test,
        evaluation=evaluation,
        verdict=_document(parts.verdict),
        best=_document(parts.best_parameters),
        checks=_document(parts.checks),
        skops=(parts.model / "model.skops").read_bytes(),
    )
    return assemble(folder, content, source=source)


def assemble(folder: Path, content: Content, *, source: Mapping[str, Any]) -> Bundle:
    """Make a bundle of values in memory; equal values give equal bytes.

    Args:
        folder: Where it is to lie; it appears when it is whole, in place of an older one.
        content: What goes in.
        source: Metadata of ingest's table: ``source``, ``digest``, ``rows``, ``columns``.

    Returns:
        The bundle.

    Raises:
        InputError: If the evaluation is not of the model's task.
    """
    fitted = _with_threshold(content.model, content.evaluation)
    files = _files(fitted, content, source)
    folder.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        for name, data in files.items():
            (part / name).write_bytes(data)
        write_text(part / MANIFEST, manifest.make(part, fitted.contract.name).dumps())
        part.chmod(0o755)
        shutil.rmtree(folder, ignore_errors=True)
        part.rename(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return open_bundle(folder)


def _files(fitted: Model, content: Content, source: Mapping[str, Any]) -> dict[str, bytes]:
    """Content of each file but the manifest."""
    test, evaluation = content.test, content.evaluation
    documents = {
        "model.json": models.facts(fitted),
        "metrics.json": {key: evaluation[key] for key in _KEPT_OF_EVALUATION if key in evaluation},
        "cases.json": cases.make(fitted, test, test.get_column(fitted.contract.target.name)),
        "environment.json": environment(),
        "provenance.json": provenance(
            source=source,
            split=evaluation["rows"],
            model=fitted,
            best=content.best,
            checks=content.checks,
            verdict=content.verdict,
        ),
    }
    documents[engine.RECORD], onnx = _engine(fitted, test)
    documents[explain.FILE] = explain.reference(fitted, fitted.encoded(test))
    texts = {"contract.yaml": contract_yaml.dump(fitted.contract), "card.md": card.write(fitted, documents)}
    return {
        "model.skops": content.skops or model_files.dumps(fitted.pipeline),
        **({engine.FILE: onnx} if onnx else {}),
        **{name: dumps(document).encode() for name, document in documents.items()},
        **{name: text.encode() for name, text in texts.items()},
    }


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
