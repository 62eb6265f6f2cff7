"""Models, endpoints and retrainings as parts of a notebook."""

import json
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from headrace.core.bundles.bundle import Bundle
from headrace.reports.base import number_format
from headrace.reports.base.phrases import family_name, in_order, less_is_better, metric_name
from headrace.reports.notebook.fragment import Fragment, FragmentTable, Style, make_table

_RETRAININGS: Mapping[str, tuple[Style, str]] = {
    "promoted": ("good", "Promoted"),
    "published": ("good", "Published"),
    "waits": ("warn", "Waits for approval"),
    "kept": ("none", "Former version kept"),
    "rolled_back": ("bad", "Rolled back"),
    "aborted": ("bad", "Aborted"),
}
_MOST_REQUEST = 2_000


def describe_metrics(metrics: Mapping[str, Mapping[str, float]], baseline: Mapping[str, float]) -> FragmentTable:
    """Return metrics with their intervals beside those of the baseline.

    Args:
        metrics: By name ``value``, ``low`` and ``high``.
        baseline: By name the baseline's value.
    """
    rows = [
        (
            metric_name(name) + (" ↓" if less_is_better(name) else ""),
            number_format.metric(metrics[name]["value"]),
            f"{number_format.metric(metrics[name]['low'])} to {number_format.metric(metrics[name]['high'])}",
            number_format.metric(baseline.get(name)),
        )
        for name in in_order(metrics)
    ]
    return make_table("Metrics", ("metric", "value", "95 % interval", "baseline"), rows, numbers=(1, 2, 3))


def describe_bundle(bundle: Bundle) -> Fragment:
    """Describe a bundle: model, digest, files, and its metrics where it holds them.

    Raises:
        BundleError: If a file of it is not what it should be.
    """
    files = {entry.path for entry in bundle.manifest.files}
    model, contract = bundle.json("model.json"), bundle.contract
    size = sum(entry.size for entry in bundle.manifest.files)
    signatures = bundle.folder / "signatures"
    signed = len(list(signatures.iterdir())) if signatures.is_dir() else 0
    facts = [
        ("family", family_name(str(model.get("family", "")))),
        ("inputs", f"{len(contract.inputs)} of {len(contract.columns)} columns"),
        *([("classes", ", ".join(map(str, model["classes"])))] if model.get("classes") else []),
        ("digest", bundle.digest),
        ("folder", str(bundle.folder)),
        ("files", f"{len(files)}, {number_format.size(size)}, {signed or 'no'} signature{'' if signed == 1 else 's'}"),
    ]
    tables = []
    if "metrics.json" in files:
        document = bundle.json("metrics.json")
        tables.append(describe_metrics(document["metrics"], document["baseline"]["metrics"]))
    return Fragment("Model", bundle.name, facts=tuple(facts), tables=tuple(tables))


def describe_endpoint(
    url: str, *, name: str, digest: str, platform: str, is_live: bool | None, example: Any = None
) -> Fragment:
    """Describe an endpoint, without asking it.

    Args:
        url: Its URL for predictions.
        name: Name of the model.
        digest: Digest of its bundle.
        platform: ``local`` or ``kserve``.
        is_live: Whether its process runs; None if that is not known.
        example: A row that the model takes; None if no row is known.
    """
    states: dict[bool | None, tuple[str, Style, str]] = {
        True: ("Live", "good", "It ends with its block, or with this process."),
        False: ("Ended", "none", "Its block has ended."),
        None: ("Deployed", "good", "It answered with this model when it was deployed; this view does not ask it."),
    }
    state, style, sentence = states[is_live]
    where = "this machine" if platform == "local" else platform
    facts = (("url", url), ("model", f"{name} {digest[:12]}"), ("platform", where))
    body = json.dumps({"instances": [example]}, ensure_ascii=False) if example is not None else ""
    usable = 0 < len(body) <= _MOST_REQUEST and is_live is not False
    command = f"curl -H 'Content-Type: application/json' -d {shlex.quote(body)} {shlex.quote(url)}" if usable else ""
    return Fragment("Endpoint", name, state, style, (sentence,), facts, code=command)


def describe_retraining(
    status: str,
    sentence: str,
    *,
    name: str,
    rows: Mapping[str, int],
    notes: Sequence[str],
    metrics: FragmentTable | None,
    production: str,
) -> Fragment:
    """Describe a retraining: what came of it, on which rows, and the new version's metrics.

    Args:
        status: ``Retraining.status``.
        sentence: What happened.
        name: Name of the model.
        rows: Numbers of rows by kind.
        notes: What changed in the contract, and what was left out.
        metrics: Metrics of the new version; None if there are none.
        production: What is in production since then; empty if nothing changed.
    """
    style, state = _RETRAININGS.get(status, ("none", status.replace("_", " ").capitalize()))
    facts = [(f"{kind.replace('_', ' ')} rows", number_format.count(count)) for kind, count in rows.items()]
    if production:
        facts.append(("in production", production))
    return Fragment(
        "Retraining", name, state, style, (sentence, *notes), tuple(facts), (metrics,) if metrics is not None else ()
    )
