"""Provenance of a model: code, data by digest, parameters. A replay reads it."""

import json
from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import PurePath
from typing import Any
from urllib.parse import urlsplit

from headrace.core.base.json_document import as_json
from headrace.core.packaging import data_digest, run_notes
from headrace.core.packaging.bundle_content import BundleContent
from headrace.core.packaging.cards.card_answers import CardAnswers
from headrace.core.packaging.code_version import code_version
from headrace.core.packaging.provenance_document import (
    Provenance,
    RecordedCode,
    RecordedCounts,
    RecordedData,
    RecordedSearch,
    RecordedTable,
    RecordedValidation,
)

FORMAT = 2
_SEARCH = tuple(one.name for one in fields(RecordedSearch))


def provenance(content: BundleContent, source: Mapping[str, Any]) -> Provenance:
    """Return what a model was made of, without times or paths of the machine.

    Args:
        content: The content of the bundle.
        source: Metadata of ingest's table.
    """
    code, best = code_version(), content.best
    arguments, steps = _shorten_trace(content.trace)
    return Provenance(
        format=FORMAT,
        made_with=f"headrace {code.version}",
        code=RecordedCode(**{**code.as_json(), "changed": code.changed}),
        table=_table(source, content.answers),
        data=_data(content),
        rows=RecordedCounts(
            **(as_json(content.checks.rows) if content.checks else {}), **as_json(content.evaluation.rows)
        ),
        train=dict(content.model.train),
        parameters=parameters(content, read=str(source.get("read", "")), split=content.split),
        search=RecordedSearch(**{key: best[key] for key in _SEARCH if key in best}),
        seed=content.model.seed,
        findings=run_notes.gather(
            content.checks, content.evaluation, ensemble_reason=str(content.best.get("ensemble", ""))
        ),
        verdict=content.verdict and replace(content.verdict, metric_bounds=None, seed=None),
        arguments=arguments,
        steps=steps,
    )


def parameters(content: BundleContent, *, read: str, split: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters that the steps worked with, by step, where their arguments did not set them.

    Args:
        content: The content of the bundle.
        read: How the table was read, from ingest's metadata.
        split: Metadata of split's training table.
    """
    best, verdict = content.best, content.verdict.as_json() if content.verdict else {}
    chosen = {key: split[key] for key in ("method", "test_size", "cut", "format") if key in split}
    return {
        "ingest": json.loads(read) if read else {},
        "split": chosen | ({"seed": int(split["seed"])} if "seed" in split else {}),
        "tune": {key: best[key] for key in ("families", "experiment", "budget", "folds", "seed") if key in best},
        "train": {"seed": content.model.seed},
        "evaluate": as_json(content.evaluation.plan),
        "gate": {key: verdict[key] for key in ("metric_bounds", "seed") if key in verdict},
    }


def _table(source: Mapping[str, Any], answers: CardAnswers) -> RecordedTable:
    """Return source, digest and size of the table that the run began with."""
    return RecordedTable(
        source=public_name(str(source.get("source", ""))),
        digest=str(source.get("digest", "")),
        rows=int(source.get("rows", 0)),
        columns=int(source.get("columns", 0)),
        licence=answers["data_licence"],
        origin=answers["data_origin"],
    )


def _data(content: BundleContent) -> RecordedData:
    """Describe training, validation and test rows."""
    folder = data_digest.FOLDER
    # A trial of a search is measured on its own training rows, each held out once: it has no test part.
    has_test_part = content.evaluation.on == "test"
    test = (
        data_digest.describe_frames([content.test]).record(f"{folder}/test/" if content.include_data else "")
        if has_test_part
        else None
    )
    train = content.train
    train_part = train.record(f"{folder}/train/" if content.include_data and train.files else "") if train else None
    folds = content.best.get("folds")
    return RecordedData(
        train=train_part,
        validation=RecordedValidation("cross-validation", folds, "train") if folds else None,
        test=test,
    )


def _shorten_trace(trace: Mapping[str, Any]) -> tuple[dict[str, dict[str, Any]] | None, dict[str, str] | None]:
    """Return arguments and digests by step, without paths of the machine: of the champion's, only the last part."""
    if not trace:
        return None, None
    arguments = {step: dict(values) for step, values in trace["arguments"].items()}
    if arguments.get("gate", {}).get("champion"):
        arguments["gate"]["champion"] = public_name(str(arguments["gate"]["champion"]))
    return arguments, dict(trace["steps"])


def public_name(source: str) -> str:
    """Return a source's address without what is private: folders of a path, user, password and query."""
    parts = urlsplit(source)
    if parts.scheme and "://" in source and parts.scheme != "file":
        host = parts.hostname or ""
        port = f":{parts.port}" if parts.port else ""
        fragment = f"#{parts.fragment}" if parts.fragment else ""
        path = f"/{PurePath(parts.path).name}" if parts.scheme.startswith("sqlite") else parts.path
        return f"{parts.scheme}://{host}{port}{path}{fragment}"
    return PurePath(source).name
