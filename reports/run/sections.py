"""The contents of the report's sections, picked from the steps' JSON."""

import json
import shlex
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from headrace.core.base.files import dumps
from headrace.core.contracts.contract import Contract
from headrace.core.evaluation.evaluation_document import Evaluation, SliceMeasures
from headrace.core.validation.data_checks import DataChecks
from headrace.reports.base import number_format
from headrace.reports.base.phrases import endpoint_sentence
from headrace.reports.run.document import RunFacts

Facts = Mapping[str, Any]
Pairs = list[tuple[str, str]]
_LONGEST = 6_000
HIDDEN = "(not shown)"


def balance(checks: DataChecks) -> list[tuple[str, int, float]]:
    """Return class, number of rows and share; empty for a regression."""
    total = sum(checks.class_balance.values())
    return [(name, count, count / total) for name, count in checks.class_balance.items() if total][:12]


def personal(contract: Contract | None) -> frozenset[str]:
    """Return the names of columns whose values are not shown."""
    columns = contract.columns if contract else ()
    return frozenset(column.name for column in columns if column.personal or column.role == "id")


def without_personal(value: Any, hidden: frozenset[str]) -> Any:
    """Replace each value of a hidden column by a remark, at any depth."""
    if isinstance(value, Mapping):
        return {key: HIDDEN if key in hidden else without_personal(part, hidden) for key, part in value.items()}
    if isinstance(value, list):
        return [without_personal(part, hidden) for part in value]
    return value


def slices(evaluation: Evaluation, hidden: frozenset[str]) -> list[SliceMeasures]:
    """Return the slices, with the values of hidden columns replaced."""
    return [replace(part, value=HIDDEN) if part.column in hidden else part for part in evaluation.slices]


def endpoint(verification: Facts, *, hidden: frozenset[str]) -> dict[str, Any]:
    """Return the request and the response, with the expected and the actual value; personal data are hidden."""
    verification = without_personal(verification, hidden)
    beside = [
        (text, _short(verification[key]))
        for key, text in (("expected", "expected response"), ("actual", "actual value"))
        if verification.get(key) is not None
    ]
    latency = verification.get("latency_ms") or {}
    beside += [(f"latency, {key}", f"{number_format.number(value)} ms") for key, value in latency.items()]
    return {
        "sentence": endpoint_sentence(verification),
        "request": pretty(verification.get("request")),
        "answer": pretty(verification.get("answer")),
        "beside": beside,
        "curl": curl(verification),
        "failures": [_short(failure) for failure in verification.get("failures", [])[:5]],
    }


def curl(verification: Facts) -> str:
    """Return the request as a command for a shell; empty if its URL is unknown."""
    url = verification.get("url") or verification.get("request_url") or ""
    if not url or verification.get("request") is None:
        return ""
    body = json.dumps(verification["request"], ensure_ascii=True)
    return f"curl -s {shlex.quote(str(url))} -H 'Content-Type: application/json' -d {shlex.quote(body)}"


def pretty(value: Any) -> str:
    """Format JSON over several lines, cut where it is very long."""
    text = json.dumps(value, indent=1, ensure_ascii=False, default=str)
    return (
        text
        if len(text) <= _LONGEST
        else f"{text[:_LONGEST]}\n… ({number_format.count(len(text) - _LONGEST)} letters more)"
    )


def _short(value: Any) -> str:
    return number_format.shorten(
        value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str), 300
    )


def provenance(run: RunFacts) -> list[tuple[str, Pairs]]:
    """Return tables of names and values, by heading; empty ones are left out."""
    bundle = run.bundle
    source = dict(run.source)
    if "bytes" in source:
        source["bytes"] = number_format.size(source["bytes"])
    tables = [("Table", _pairs(source))]
    if bundle:
        # In the order of the file, which a reader may hold beside the page.
        origin = json.loads(dumps(bundle.provenance.as_json())) if bundle.provenance else {}
        manifest = {"digest": bundle.manifest.get("digest"), "name": bundle.manifest.get("name")}
        model_facts = _without(bundle.model, "columns", "operating_points", "format")
        tables += [
            ("Model", _pairs({**manifest, **model_facts})),
            ("Made from", _pairs(_without(origin, "format", "verdict", "rows"))),
            ("Environment", _pairs(_without(bundle.environment, "format"))),
            (
                "Files of the bundle",
                [
                    (f["path"], f"{number_format.size(f['size'])}, SHA-256 {f['sha256']}")
                    for f in bundle.manifest.get("files", [])
                ],
            ),
        ]
    return [(heading, pairs) for heading, pairs in tables if pairs]


def _without(facts: Facts, *names: str) -> Facts:
    return {key: value for key, value in facts.items() if key not in names}


def _pairs(facts: Facts, prefix: str = "", depth: int = 0) -> Pairs:
    pairs: Pairs = []
    for key, value in facts.items():
        name = f"{prefix}{key}".replace("_", " ")
        if isinstance(value, Mapping) and value and depth < 2:
            pairs += _pairs(value, f"{name}: ", depth + 1)
        elif value is not None and value not in ("", {}, []):
            pairs.append((name, _value(value)))
    return pairs[:80]


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return number_format.count(value)
    if isinstance(value, float):
        return f"{value:.10g}"  # provenance is shown in full precision
    return _short(value)
