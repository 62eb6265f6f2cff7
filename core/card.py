"""The model card, in the order of Mitchell et al. 2019, Model Cards for Model Reporting (doi:10.1145/3287560.3287596).

What a run knows is filled in; what only people know is marked, so that nobody takes silence for an answer.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from headrace.core.contract import Column
from headrace.core.model import Model

_MOST_ROWS = 60


def write(model: Model, documents: Mapping[str, Any]) -> str:
    """The model card.

    Args:
        model: The model.
        documents: Content of ``metrics.json``, ``provenance.json`` and ``environment.json``.

    Returns:
        Markdown.
    """
    metrics, origin = documents["metrics.json"], documents["provenance.json"]
    sections = [
        ("Model details", _details(model, origin, documents["environment.json"])),
        (
            "Intended use",
            _people("which decisions the model is meant for, who uses it, and what it must not be used for"),
        ),
        ("Factors", _factors(metrics)),
        ("Metrics", _metrics(model, metrics)),
        ("Evaluation data", _evaluation_data(metrics)),
        ("Training data", _training_data(model, origin)),
        ("Quantitative analyses", _analyses(metrics, origin)),
        ("Ethical considerations", _ethics(model)),
        ("Caveats and recommendations", _people("what was not tested, and what a user should watch")),
    ]
    body = "\n\n".join(f"## {title}\n\n{text}" for title, text in sections)
    return f"# Model card: {model.contract.name}\n\n{body}\n"


def _details(model: Model, origin: Mapping[str, Any], environment: Mapping[str, Any]) -> str:
    target = model.contract.target
    parameters = ", ".join(f"{key} = {_text(value)}" for key, value in sorted(model.parameters.items()))
    packages = environment["packages"]
    rows = [
        ("Predicts", f"{_code(target.name)} ({model.contract.task}){_unit(target)}"),
        ("Family", model.family.replace("_", " ")),
        ("Parameters", parameters or "the family's defaults"),
        ("Classes", ", ".join(_code(name) for name in model.classes) or "none: it predicts a number"),
        ("Seed", model.seed),
        (
            "Made with",
            f"{origin['made_with']}, scikit-learn {packages.get('scikit-learn', '')}, Python {environment['python']}",
        ),
    ]
    return _table(("", ""), rows) + "\n\n" + _people("owner, licence, contact")


def _factors(metrics: Mapping[str, Any]) -> str:
    columns = list(dict.fromkeys(part["column"] for part in metrics.get("slices", [])))
    if columns:
        return f"Measured separately for the values of {', '.join(_code(name) for name in columns)}; see below."
    return "Nothing was measured by group. " + _people("groups, instruments or environments that matter here")


def _metrics(model: Model, metrics: Mapping[str, Any]) -> str:
    text = f"{', '.join(metrics['metrics'])}, each with a 95 % bootstrap interval over the test rows."
    threshold = metrics.get("threshold") or {}
    if threshold:
        text += (
            f" The class {_code(threshold['positive'])} is predicted from a probability of {_text(model.threshold)} "
            f"on, the cheapest threshold if a false alarm costs {_text(threshold['cost_false_positive'])} and a miss "
            f"{_text(threshold['cost_false_negative'])}, found on {threshold['chosen_on']}."
        )
    return text


def _evaluation_data(metrics: Mapping[str, Any]) -> str:
    if metrics.get("on") == "cross-validation":
        return (
            f"{metrics['rows']['held_out']:,} training rows, each predicted by a model that was fitted without it. "
            "They chose the parameters too, so that the figures flatter; no other rows were measured."
        )
    return (
        f"{metrics['rows']['test']:,} rows of the same table, set aside before anything was fitted. "
        f"{_people('how far these rows are like those that the model will meet')}"
    )


def _training_data(model: Model, origin: Mapping[str, Any]) -> str:
    table, rows = origin["table"], origin["rows"]
    text = (
        f"{rows['train']:,} rows of {_code(table['source'])} (SHA-256 {_code(table['digest'])}), "
        f"{rows.get('quarantined', 0):,} of {table['rows']:,} rows were set aside by the data contract. "
        + _people("who collected the data, when, and with what right")
    )
    inputs = [(_code(column.name), column.dtype, column.unit, column.description) for column in model.contract.inputs]
    shown = _table(("input", "type", "unit", "meaning"), inputs[:_MOST_ROWS])
    more = f"\n\nand {len(inputs) - _MOST_ROWS} more" if len(inputs) > _MOST_ROWS else ""
    return f"{text}\n\n{shown}{more}"


def _analyses(metrics: Mapping[str, Any], origin: Mapping[str, Any]) -> str:
    against = metrics.get("baseline", {}).get("metrics", {})
    rows = [
        (name, _text(found["value"]), f"{_text(found['low'])} to {_text(found['high'])}", _text(against.get(name, "")))
        for name, found in metrics["metrics"].items()
    ]
    text = _table(("metric", "value", "95 % interval", "baseline"), rows)
    reasons = " ".join(origin["verdict"].get("reasons", []))
    text += f"\n\nVerdict: **{origin['verdict'].get('verdict', 'none')}**. {reasons}".rstrip()
    slices = [
        (_code(part["column"]), _code(part["value"]), f"{part['rows']:,}", name, _text(found["value"]))
        for part in metrics.get("slices", [])
        for name, found in list(part["metrics"].items())[:1]
    ]
    if slices:
        text += "\n\n" + _table(("column", "value", "rows", "metric", "value of the metric"), slices[:_MOST_ROWS])
    return text


def _ethics(model: Model) -> str:
    personal = [column for column in model.contract.columns if column.personal]
    told = ", ".join(f"{_code(column.name)} ({column.personal})" for column in personal)
    found = f"Columns marked as personal data: {told}." if told else "No column is marked as personal data."
    return f"{found} {_people('whom a wrong prediction harms, and how it is contested')}"


def _people(what: str) -> str:
    return f"*To be written by a person: {what}.*"


def _table(head: tuple[str, ...], rows: Iterable[tuple[Any, ...]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(_cell(value) for value in row) + " |" for row in rows]
    return "\n".join(lines)


def _cell(value: Any) -> str:
    return str(value).replace("|", "\\|").replace("\n", " ")


def _code(value: Any) -> str:
    """A name as code, whatever stands in it."""
    text = str(value).replace("\n", " ").replace("`", "'")
    return f"`{text}`"


def _unit(column: Column) -> str:
    return f", in {column.unit}" if column.unit else ""


def _text(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
