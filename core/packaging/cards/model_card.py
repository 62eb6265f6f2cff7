"""The model card, in the order of Mitchell et al. 2019, Model Cards for Model Reporting (doi:10.1145/3287560.3287596).

What a run knows is filled in; what only people know is marked as missing until they answer, so that nobody takes
silence for an answer.
"""

from collections.abc import Mapping
from typing import Any

from headrace.core.contracts.contract import Column
from headrace.core.evaluation.evaluation_document import BundleMetrics
from headrace.core.models.fitted_model import Model
from headrace.core.models.h2o.h2o_estimator import MojoEstimator
from headrace.core.packaging.cards.card_answers import CardAnswers
from headrace.core.packaging.cards.card_facts import CardFacts
from headrace.core.packaging.cards.phrases import (
    MOST_ROWS,
    answer_or_mark,
    code,
    doubts,
    literal,
    paragraphs,
    table,
    text,
)
from headrace.core.packaging.provenance_document import Provenance

Documents = Mapping[str, Any]


def write(model: Model, facts: CardFacts, answers: CardAnswers) -> str:
    """Write the model card.

    Args:
        model: The model.
        facts: What the bundle says of the model.
        answers: Answers of people.

    Returns:
        Markdown.
    """
    metrics, origin = facts.metrics, facts.provenance
    sections = [
        ("Model details", _details(model, origin, facts.environment, answers)),
        ("Intended use", _use(answers)),
        ("Factors", paragraphs(_factors(metrics), answer_or_mark(answers, "factors"))),
        ("Metrics", _metrics(model, metrics)),
        ("Evaluation data", paragraphs(_evaluation_data(metrics, origin), answer_or_mark(answers, "evaluation_data"))),
        ("Training data", _training_data(model, origin, answers)),
        ("Quantitative analyses", _analyses(metrics, origin)),
        ("Ethical considerations", paragraphs(_personal(model), answer_or_mark(answers, "ethical_considerations"))),
        ("Caveats and recommendations", paragraphs(_findings(origin), answer_or_mark(answers, "caveats"))),
    ]
    body = "\n\n".join(f"## {title}\n\n{content}" for title, content in sections)
    return f"# Model card: {model.contract.name}\n\n{body}\n"


def _details(model: Model, origin: Provenance, environment: Documents, answers: CardAnswers) -> str:
    version = origin.code
    parameters = ", ".join(f"{key} = {text(value)}" for key, value in sorted(model.parameters.items()))
    commit = f", commit {version.commit[:12]}{' with changes' if version.dirty else ''}" if version.commit else ""
    learner = f"scikit-learn {environment['packages'].get('scikit-learn', '')}"
    if isinstance(model.pipeline[-1], MojoEstimator):
        learner = f"H2O {model.pipeline[-1].description_.h2o_version}"
    rows = [
        ("Predicts", _predicts(model)),
        ("Family", model.family.replace("_", " ")),
        ("Parameters", parameters or ("not known" if origin.imported else "the family's defaults")),
        ("Classes", ", ".join(code(name) for name in model.classes) or "none: it predicts a number"),
        *_import_rows(origin),
        ("Seed", "not known" if origin.imported else model.seed),
        ("Made with", f"headrace {version.version}{commit}, {learner}, Python {environment['python']}"),
        ("Owner", answer_or_mark(answers, "owner")),
        ("Contact", answer_or_mark(answers, "contact")),
        ("Licence", answer_or_mark(answers, "licence")),
    ]
    return table(("", ""), rows)


def _import_rows(origin: Provenance) -> list[tuple[str, str]]:
    """Say where an imported model comes from."""
    imported = origin.imported
    if imported is None:
        return []
    facts = (
        (
            "Imported from",
            f"{imported.tool} {imported.version}, {code(imported.source)} (SHA-256 {code(imported.digest)})",
        ),
        ("Fitted with", literal(imported.library)),
        ("Registered as", imported.registered and code(imported.registered)),
        ("Run", imported.run and code(imported.run)),
        ("Commit", imported.commit and code(imported.commit)),
    )
    return [(name, value) for name, value in facts if value]


def _use(answers: CardAnswers) -> str:
    questions = (("For", "intended_use"), ("By", "intended_users"), ("Not for", "out_of_scope"))
    return paragraphs(*(f"**{word}:** {answer_or_mark(answers, key)}" for word, key in questions))


def _factors(metrics: BundleMetrics) -> str:
    columns = list(dict.fromkeys(part.column for part in metrics.slices))
    if columns:
        return f"Measured separately for the values of {', '.join(code(name) for name in columns)}; see below."
    return "Nothing was measured by group."


def _metrics(model: Model, metrics: BundleMetrics) -> str:
    if not metrics.metrics:
        return "".join(doubts(metrics))
    summary = f"{', '.join(metrics.metrics)}, each with a 95 % bootstrap interval over the {_rows(metrics)}."
    summary += "".join(f" {sentence}" for sentence in doubts(metrics))
    if metrics.positive:
        summary += f" Precision, recall, F1 and PR AUC are those of the class {code(metrics.positive)}."
    threshold = metrics.threshold
    if threshold:
        summary += (
            f" The class {code(threshold.positive)} is predicted from a probability of {text(model.threshold)} "
            f"on, the cheapest threshold if a false alarm costs {text(threshold.cost_false_positive)} and a miss "
            f"{text(threshold.cost_false_negative)}, found on {threshold.chosen_on}."
        )
    if metrics.alerts:
        summary += f" {metrics.alerts.sentences}"
    return summary


def _rows(metrics: BundleMetrics) -> str:
    return "held-out training rows" if metrics.on == "cross-validation" else "test rows"


def _evaluation_data(metrics: BundleMetrics, origin: Provenance) -> str:
    if not metrics.rows.measured:
        return "Not known: no row was measured."
    if metrics.on == "cross-validation":
        return (
            f"{metrics.rows.measured:,} training rows, each predicted by a model that was fitted without it. "
            "They chose the parameters too, so that the figures flatter; no other rows were measured."
        )
    digest = origin.data.test.digest if origin.data.test else ""
    return (
        f"{metrics.rows.measured:,} rows of the same table, set aside before anything was fitted (SHA-256 "
        f"{code(digest)})."
    )


def _training_data(model: Model, origin: Provenance, answers: CardAnswers) -> str:
    source, rows = origin.table, origin.rows
    counts = (
        "Not known: the model was fitted elsewhere."
        if origin.imported
        else f"{rows.train:,} rows of {code(source.source)} (SHA-256 {code(source.digest)}), "
        f"{rows.quarantined or 0:,} of {source.rows:,} rows were set aside by the data contract."
    )
    questions = (("Licence", "data_licence"), ("Origin", "data_origin"), ("Rights", "data_rights"))
    inputs = [(code(column.name), column.dtype, column.unit, column.description) for column in model.contract.inputs]
    omitted = f"and {len(inputs) - MOST_ROWS} more" if len(inputs) > MOST_ROWS else ""
    return paragraphs(
        counts,
        *(f"**{word}:** {answer_or_mark(answers, key)}" for word, key in questions),
        table(("input", "type", "unit", "meaning"), inputs[:MOST_ROWS]),
        omitted,
    )


def _analyses(metrics: BundleMetrics, origin: Provenance) -> str:
    baseline = metrics.baseline.metrics
    rows = [
        (name, text(metric.value), f"{text(metric.low)} to {text(metric.high)}", text(baseline.get(name, "")))
        for name, metric in metrics.metrics.items()
    ]
    reasons = " ".join(origin.verdict.reasons if origin.verdict else ())
    slices = [
        (code(part.column), code(part.value), f"{part.rows:,}", name, text(metric.value))
        for part in metrics.slices
        for name, metric in list(part.metrics.items())[:1]
    ]
    return paragraphs(
        table(("metric", "value", "95 % interval", "baseline"), rows) if rows else "Nothing was measured.",
        f"Verdict: **{origin.verdict.verdict if origin.verdict else 'none'}**. {reasons}".rstrip(),
        table(("column", "value", "rows", "metric", "value of the metric"), slices[:MOST_ROWS]) if slices else "",
    )


def _findings(origin: Provenance) -> str:
    """List what was left out, guessed or is suspicious, worst first."""
    findings = origin.findings
    listed = [
        f"- **{literal(item.rule.replace('_', ' '))}** ({item.severity}): {literal(f'{item.sentence} {item.remedy}')}"
        for item in findings[:MOST_ROWS]
    ]
    omitted = f"and {len(findings) - MOST_ROWS} more in provenance.json" if len(findings) > MOST_ROWS else ""
    head = "What the import found:" if origin.imported else "What the run found in its table and itself:"
    return paragraphs(head, "\n".join(listed), omitted) if findings else ""


def _personal(model: Model) -> str:
    marked = [column for column in model.contract.columns if column.personal]
    names = ", ".join(f"{code(column.name)} ({column.personal})" for column in marked)
    return f"Columns marked as personal data: {names}." if names else "No column is marked as personal data."


def _predicts(model: Model) -> str:
    """Say what the model answers."""
    contract = model.contract
    if contract.task == "anomaly":
        labels = f"; labels of {code(contract.label_column.name)}, which no fit saw" if contract.label_column else ""
        return f"how unlike the training rows a row is (anomaly){labels}"
    return f"{code(contract.target.name)} ({contract.task}){_unit(contract.target)}"


def _unit(column: Column) -> str:
    return f", in {column.unit}" if column.unit else ""
