"""What monitors and A/B tests say, as parts of a notebook."""

from collections import Counter
from collections.abc import Mapping

from headrace.core.ab_tests.plan import ABTestPlan
from headrace.core.ab_tests.result import ABTestResult
from headrace.core.monitors.decisions.decision import MonitorDecision
from headrace.core.monitors.reports.monitor_report import MonitorReport, MonitorResult
from headrace.reports.base import number_format
from headrace.reports.notebook.fragment import Fragment, FragmentTable, Style, make_table

_OUTCOMES: Mapping[str, tuple[Style, str]] = {
    "nothing": ("good", "In order"),
    "warn": ("warn", "Warning"),
    "retrain": ("warn", "Retrain"),
    "roll_back": ("bad", "Roll back"),
    "stop": ("bad", "Stop: the data are broken"),
}
_ORDER = ("data_fault", "violated", "unknown", "ok")
_WORDS = {"data_fault": "broken data", "violated": "violated", "unknown": "unknown", "ok": "in order"}
_TESTS: Mapping[str, tuple[Style, str]] = {
    "better": ("good", "Better"),
    "equivalent": ("good", "Equivalent"),
    "undecided": ("none", "Undecided"),
    "worse": ("bad", "Worse"),
    "stop": ("bad", "Stop: a guard is violated"),
    "invalid": ("bad", "Invalid"),
}


def describe_report(report: MonitorReport) -> Fragment:
    """Describe the report of a window: counts, and its results, the worst first."""
    worst = min((one.status for one in report.results), key=_ORDER.index, default="unknown")
    style: Style = {"ok": "good", "unknown": "none", "violated": "warn"}.get(worst, "bad")  # type: ignore[assignment]
    state = {"ok": "In order", "unknown": "Not all is known", "violated": "Violated"}.get(worst, "The data are broken")
    return Fragment("Monitor", report.name, state, style, report.notes, _window_facts(report), (_results(report),))


def describe_monitoring(report: MonitorReport, decision: MonitorDecision, *, standing: str = "") -> Fragment:
    """Describe a window: the decision with its reasons, counts, and results, the worst first.

    Args:
        report: The report.
        decision: The decision after it.
        standing: Why another decision stands; empty if this one does.
    """
    style, state = _OUTCOMES.get(decision.outcome, ("none", decision.outcome))
    approval = ("It waits for a person's approval.",) if decision.needs_approval else ()
    sentences = (*decision.reasons, *approval, *((standing,) if standing else ()), *report.notes)
    return Fragment("Monitor", report.name, state, style, sentences, _window_facts(report), (_results(report),))


def _window_facts(report: MonitorReport) -> tuple[tuple[str, str], ...]:
    counts = Counter[str](one.status for one in report.results)
    counted = ", ".join(
        f"{number_format.count(counts[status])} {_WORDS[status]}" for status in _ORDER if counts[status]
    )
    return (
        ("window", f"{report.window.start} to {report.window.end}"),
        ("version", report.digest[:12]),
        ("rows", f"{number_format.count(report.rows)} in {number_format.count(report.requests)} requests"),
        ("labelled", number_format.count(report.labelled)),
        ("results", counted or "none"),
    )


def _results(report: MonitorReport) -> FragmentTable:
    in_order = sorted(report.results, key=lambda one: _ORDER.index(one.status))
    head = ("monitor", "of", "status", "value", "reference", "in words")
    return make_table("Results", head, [_result_row(one) for one in in_order], numbers=(3, 4))


def _result_row(one: MonitorResult) -> tuple[str, ...]:
    values = (number_format.number(one.value), number_format.number(one.reference))
    return (one.monitor.replace("_", " "), one.subject, _WORDS[one.status], *values, one.sentence)


def describe_ab_test(result: ABTestResult) -> Fragment:
    """Describe what an A/B test says so far, and what may be concluded."""
    style, state = _TESTS.get(result.decision, ("none", result.decision))
    facts = (
        ("versions", f"{result.plan.candidate} (candidate) and {result.plan.baseline} (baseline)"),
        (
            "keys",
            f"{number_format.count(result.keys.total)} of {number_format.count(result.plan.keys)} that are planned",
        ),
    )
    rows = [
        (
            one.name,
            one.role,
            one.status,
            number_format.number(one.candidate),
            number_format.number(one.baseline),
            number_format.number(one.difference),
            f"{number_format.number(one.low)} to {number_format.number(one.high)}",
        )
        for one in result.metrics
    ]
    head = ("metric", "role", "status", "candidate", "baseline", "difference", "interval")
    effects = make_table("Effects", head, rows, numbers=(3, 4, 5, 6))
    return Fragment(
        "A/B test", result.name, state, style, (result.sentence, *result.reasons, *result.notes), facts, (effects,)
    )


def describe_ab_plan(plan: ABTestPlan) -> Fragment:
    """Describe the plan of an A/B test: metrics, and how many keys they take."""
    candidate = round(plan.keys * plan.share)
    facts = [
        ("keys", f"{number_format.count(plan.keys)}, {number_format.count(candidate)} of them for {plan.candidate}"),
        ("looks", "at any time" if plan.looks == "any" else "once, when all keys are there"),
        ("alpha", number_format.number(plan.alpha)),
        ("power", number_format.number(plan.power)),
    ]
    if plan.days is not None:
        facts.append(("days", number_format.number(plan.days)))
    rows = [
        (one.name, one.role, number_format.number(one.mean), number_format.number(one.effect or one.margin))
        for one in plan.metrics
    ]
    head = ("metric", "role", "baseline", "effect or margin")
    metrics = make_table("Metrics", head, rows, numbers=(2, 3))
    return Fragment("Plan of an A/B test", plan.name, facts=tuple(facts), tables=(metrics,))
