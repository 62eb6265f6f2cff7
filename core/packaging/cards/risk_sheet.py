"""The risk sheet: what can go wrong with a model, for whom, and how it is taken out of service."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from headrace.core.evaluation.evaluation_document import BundleMetrics, SliceMeasures
from headrace.core.models.fitted_model import Model
from headrace.core.packaging.cards.card_answers import CardAnswers
from headrace.core.packaging.cards.card_facts import CardFacts
from headrace.core.packaging.cards.phrases import (
    MOST_ROWS,
    answer_or_mark,
    code,
    doubts,
    interval,
    paragraphs,
    table,
    text,
)
from headrace.core.packaging.provenance_document import Provenance
from headrace.core.statistics.metric_names import HIGHER_IS_BETTER, MAIN
from headrace.core.statistics.sample_sizes import FEWEST_CLUSTERS, FEWEST_ROWS

Documents = Mapping[str, Any]

# What a person asks of a group: are its cases found, are its alarms right, are its rows ranked well.
_COMPARED = {
    "binary": ("recall", "precision", "roc_auc"),
    "multiclass": ("accuracy", "recall", "log_loss"),
    "regression": ("rmse", "mae", "r2"),
    "anomaly": ("alerts_per_1000", "recall_at_k", "precision_at_k"),
}


def write(model: Model, facts: CardFacts, answers: CardAnswers) -> str:
    """Write the risk sheet.

    Args:
        model: The model.
        facts: What the bundle says of the model.
        answers: Answers of people.

    Returns:
        Markdown.
    """
    metrics, origin = facts.metrics, facts.provenance
    sections = [
        (
            "Intended use",
            paragraphs(answer_or_mark(answers, "intended_use"), answer_or_mark(answers, "intended_users")),
        ),
        ("Out-of-scope use", paragraphs(_list_refusals(model), answer_or_mark(answers, "out_of_scope"))),
        ("Worst case", paragraphs(_errors(metrics), _sure(metrics, origin), answer_or_mark(answers, "worst_case"))),
        ("Exposure", paragraphs(_exposure(model, origin), answer_or_mark(answers, "exposure"))),
        ("Fairness by slice", _fairness(metrics)),
        ("Deactivation plan", paragraphs(_fallback(metrics), answer_or_mark(answers, "deactivation"))),
    ]
    body = "\n\n".join(f"## {title}\n\n{content}" for title, content in sections)
    return f"# Risk sheet: {model.contract.name}\n\n{body}\n"


def _list_refusals(model: Model) -> str:
    """Say what the endpoint refuses by itself."""
    inputs = model.contract.inputs
    ranged = sum(column.minimum is not None or column.maximum is not None for column in inputs)
    listed = sum(column.categories is not None for column in inputs)
    return (
        f"The endpoint refuses a row that breaks the data contract: {len(inputs)} inputs, {ranged} of them with a "
        f"range and {listed} with a list of values. It cannot tell a use that the contract does not know."
    )


def _errors(metrics: BundleMetrics) -> str:
    """Say what the model got wrong on the test rows."""
    confusion, threshold = metrics.confusion, metrics.threshold
    if metrics.alerts and not confusion:
        return metrics.alerts.sentences
    if not confusion:
        if not metrics.residuals:
            return ""
        shares = metrics.residuals.quantiles
        return (
            f"For nine in ten test rows, what came minus what was predicted lay between {text(shares['0.05'])} and "
            f"{text(shares['0.95'])}."
        )
    labels, rows = confusion.labels, confusion.rows
    wrong = [
        (code(labels[actual]), code(labels[predicted]), f"{count:,}", f"{count / max(1, sum(row)):.1%}")
        for actual, row in enumerate(rows)
        for predicted, count in enumerate(row)
        if actual != predicted
    ]
    costs = (
        f"A false alarm was taken to cost {text(threshold.cost_false_positive)} and a miss "
        f"{text(threshold.cost_false_negative)}; {code(threshold.positive)} is the class that raises the alarm."
        if threshold
        else metrics.alerts.sentences
        if metrics.alerts
        else ""
    )
    return paragraphs(table(("is", "was predicted as", "test rows", "of its class"), wrong[:MOST_ROWS]), costs)


def _sure(metrics: BundleMetrics, origin: Provenance) -> str:
    main = metrics.metrics.get(MAIN[metrics.task])
    kind = "test rows" if metrics.on == "test" else "training rows, each held out once"
    if not metrics.rows.measured:
        return f"{metrics.resampled_by.sentence}."
    summary = f"These figures rest on {metrics.rows.measured:,} {kind}"
    summary += f"; {MAIN[metrics.task]} is {interval(main)} with 95 % confidence." if main else "."
    summary = " ".join([summary, *doubts(metrics)])
    return f"{summary} The gate's verdict was **{origin.verdict.verdict if origin.verdict else 'none'}**."


def _exposure(model: Model, origin: Provenance) -> str:
    personal = [code(column.name) for column in model.contract.inputs if column.personal]
    sent = f"Clients send personal data: {', '.join(personal)}." if personal else "No input is marked as personal data."
    copies = origin.data.copied
    if origin.imported:
        return f"{sent} The bundle holds at most 20 test cases, some of which may be rows of the model's input example."
    copied = (
        f"The bundle holds copies of the {' and the '.join(copies)} rows: whoever can read it can read them."
        if copies
        else "The bundle names its data by digest and holds no copy of them, but for at most 20 test cases."
    )
    return f"{sent} {copied}"


def _fairness(metrics: BundleMetrics) -> str:
    slices = metrics.slices
    if not slices and not metrics.rows.measured:
        return "*Missing: nothing was measured, by group or at all.*"
    if not slices:
        return (
            "*Missing: nothing was measured by group. Run the pipeline again with --slice COLUMN for each column that "
            "sets people apart.*"
        )
    names = _COMPARED[metrics.task]
    rows = [
        (
            code(part.column),
            code(part.value),
            f"{part.rows:,}",
            *(interval(part.metrics[name]) if name in part.metrics else "not defined" for name in names),
        )
        for part in slices
    ]
    columns = dict.fromkeys(part.column for part in slices)
    gaps = (_gap(column, [part for part in slices if part.column == column], names[0]) for column in columns)
    return paragraphs(
        table(("column", "value", "rows", *names), rows[:MOST_ROWS]),
        f"and {len(rows) - MOST_ROWS} more" if len(rows) > MOST_ROWS else "",
        "\n".join(f"- {gap}" for gap in gaps),
    )


def _gap(column: str, parts: Sequence[SliceMeasures], metric: str) -> str:
    """Say how far the best and the worst group of a column are apart."""
    comparable = [part for part in parts if _enough(part) and metric in part.metrics]
    few = len(parts) - len(comparable)
    left_out = f" {few} with fewer than {FEWEST_ROWS} rows or without {metric} left out." if few else ""
    if len(comparable) < 2:
        return f"{code(column)}: too few groups with at least {FEWEST_ROWS} rows to compare."
    worst, best = _ends(comparable, metric)
    low, high = worst.metrics[metric], best.metrics[metric]
    apart = low.high < high.low or high.high < low.low
    return (
        f"{code(column)}: {metric} is worst for {code(worst.value)}, {interval(low)}, and best for "
        f"{code(best.value)}, {interval(high)}: {text(abs(high.value - low.value))} apart, and their "
        f"intervals {'do not overlap' if apart else 'overlap'}.{left_out}"
    )


def _enough(part: SliceMeasures) -> bool:
    return part.rows >= FEWEST_ROWS and part.clusters >= FEWEST_CLUSTERS


def _ends(parts: Iterable[SliceMeasures], metric: str) -> tuple[SliceMeasures, SliceMeasures]:
    ordered = sorted(parts, key=lambda part: part.metrics[metric].value)
    return (ordered[0], ordered[-1]) if HIGHER_IS_BETTER[metric] else (ordered[-1], ordered[0])


def _fallback(metrics: BundleMetrics) -> str:
    """Say what deciding without the model achieves."""
    baseline = metrics.baseline
    metric_values = ", ".join(f"{name} {text(value)}" for name, value in baseline.metrics.items())
    without = (
        f" Without any model, the baseline ({baseline.kind}) reaches {metric_values} on the same rows."
        if metric_values
        else ""
    )
    return (
        "Put the bundle that served before in its place, by its digest: published bundles stay where they are. If "
        f"there is none, stop the endpoint.{without}"
    )
