"""Bundles for the registry: variants of one that the real steps made."""

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from headrace.core.base.files import write_json, write_text
from headrace.core.bundles import integrity
from headrace.core.bundles.manifest import MANIFEST
from headrace.registry.models.submission import ModelSubmission


def variant(
    bundle: Path,
    folder: Path,
    *,
    name: str = "customers",
    verdict: str = "promote",
    metric: Mapping[str, float] | None = None,
    contract: Callable[[str], str] = lambda text: text,
    mark: str = "",
) -> ModelSubmission:
    """A published bundle that differs from ``bundle`` in what is given.

    Args:
        bundle: A bundle.
        folder: Where the variant is written.
        name: Name of the model.
        verdict: What the gate said.
        metric: ``value``, ``low`` and ``high`` of ROC AUC.
        contract: Changes the contract's YAML.
        mark: Makes the digest another one, and nothing else.
    """
    shutil.copytree(bundle, folder)
    text = contract((folder / "contract.yaml").read_text()).replace("name: customers", f"name: {name}", 1)
    write_text(folder / "contract.yaml", text)
    said = {"verdict": verdict, "reasons": [f"It is a {verdict}."], "comparison": {"against": "baseline"}}
    _edit(folder / "provenance.json", verdict=said, made_with=f"headrace {mark}")
    if metric:
        document = json.loads((folder / "metrics.json").read_text())
        document["metrics"]["roc_auc"] = dict(metric)
        write_json(folder / "metrics.json", document)
    (folder / MANIFEST).unlink()
    made = integrity.make(folder, name)
    write_text(folder / MANIFEST, made.dumps())
    return ModelSubmission.read(folder, uri=f"s3://headrace/models/{name}/{made.digest}/")


def _edit(path: Path, **values: Any) -> None:
    write_json(path, {**json.loads(path.read_text()), **values})
