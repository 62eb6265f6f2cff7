"""The pages of a registered model, and of a lineage."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from headrace.registry.catalog.queries import TableUse
from headrace.registry.lineage.graph import MOST_RUNS, of_uses
from headrace.registry.models.contract_changes import ContractChange
from headrace.registry.models.events import JournalEntry
from headrace.registry.models.state import ModelState, fold
from headrace.reports.registry.lineage_page import lineage_page
from headrace.reports.registry.lineage_svg import drawing
from headrace.reports.registry.page import MOST_ROWS, model_page, write_comparison_page
from headrace.reports.registry.version_figures import metrics_over_versions
from tests.reports.run.test_page import Page

_LARGEST = 2_000_000
_EVIL = "<script>alert(1)</script>"


def _facts(number: int, **more: Any) -> dict[str, Any]:
    value = 0.8 + number / 100
    return {
        "version": f"1.{number}.0",
        "digest": f"{number}" * 64,
        "uri": f"s3://m/{number}/",
        "task": "binary",
        "target": "churn",
        "verdict": "promote",
        "reasons": ["roc_auc is better than the baseline's."],
        "metrics": {"roc_auc": {"value": value, "low": value - 0.004, "high": value + 0.004}, "brier": {"value": 0.1}},
        "rows": {"train": 300, "test": 80},
        "table": {"source": "customers.csv", "digest": "ab" * 32},
        "family": "logistic",
        "contract": "cd" * 32,
        **more,
    }


@pytest.fixture
def state() -> ModelState:
    """Three versions, one of them in production, one of them rejected."""
    entries = [
        JournalEntry("register", "ann", "nightly", version=1, facts=_facts(1)),
        JournalEntry(
            "register", "bob", _EVIL, version=2, facts=_facts(2, level="minor", changes=["plan also takes gold"])
        ),
        JournalEntry("register", _EVIL, version=3, facts=_facts(3, verdict="reject")),
        JournalEntry("approve", "eve", "read the report", version=1),
        JournalEntry("promote", "bob", "ready", version=1, stage="production"),
    ]
    return fold("customers", [replace(entry, number=place) for place, entry in enumerate(entries, start=1)])


def _uses(count: int) -> list[TableUse]:
    endpoint = {
        "url": "http://host:8080/v1/models/customers:predict",
        "time": "2026-01-02T03:04",
        "verified": True,
        "ended": "",
    }
    return [
        TableUse(
            table="customers",
            source="/data/customers.csv",
            digest=f"{number // 2}" * 64,
            rows=400,
            run=f"run-{number}",
            model="customers",
            person=_EVIL,
            time=f"2026-01-{number + 1:02d}T03:04:05+00:00",
            verdict="reject" if number % 3 == 2 else "promote",
            bundle=f"{number + 1}" * 64,
            version="",
            uri="" if number % 3 == 2 else "s3://m/",
            endpoints=(endpoint,) if number == 0 else (),
        )
        for number in range(count)
    ]


def test_the_page_of_a_model_tells_what_a_reviewer_asks(state: ModelState) -> None:
    """What is in production and who approved it, all versions, the history with reasons, the card, the lineage."""
    version = state.find("production")
    page = model_page(state, shown=version, card="# Model card: customers", lineage=drawing(of_uses(_uses(3), state)))
    text = Page(page).text
    head = Page(page[: page.index("<nav")]).text
    for part in (f"1.1.0+{'1' * 12} is in production", "Approved by eve", "read the report"):
        assert part in head
    for part in (
        "plan also takes gold",
        "Rejected",
        "promoted 1.1.0 to production",
        "Model card: customers",
        "host:8080",
    ):
        assert part in text
    for section in ("versions", "metrics", "compared", "lineage", "history", "card"):
        assert page.count(f'<h2 id="{section}">') == 1
        assert f'href="#{section}"' in page


def test_no_text_of_anybody_acts(state: ModelState, tmp_path: Path) -> None:
    """Names and reasons are text, wherever they stand."""
    pages = [
        model_page(state, shown=state.versions[0], card=_EVIL, lineage=drawing(of_uses(_uses(3), state))),
        lineage_page(_EVIL, of_uses(_uses(3), state)),
    ]
    changes = [ContractChange("breaking", _EVIL)]
    versions = (state.versions[0], state.versions[1])
    write_comparison_page(tmp_path / "compared.html", state=state, versions=versions, changes=changes)
    for page in [*pages, (tmp_path / "compared.html").read_text()]:
        assert "<script" not in page
        assert "alert(1)" in Page(page).text
        assert "https://" not in page


def test_two_versions_stand_side_by_side(state: ModelState, tmp_path: Path) -> None:
    """Metrics with intervals, what was learned from, and whether a client may break."""
    path = tmp_path / "compared.html"
    versions = (state.versions[0], state.versions[1])
    write_comparison_page(
        path, state=state, versions=versions, changes=[ContractChange("breaking", "the input age is gone")]
    )
    text = Page(path.read_text()).text
    for part in ("Clients may break", "the input age is gone", "0.810", "0.806 to 0.814", "do not overlap"):
        assert part in text
    write_comparison_page(path, state=state, versions=versions, changes=[])
    assert "Clients need not change" in Page(path.read_text()).text


def test_a_model_without_much_still_has_a_page(state: ModelState) -> None:
    """No version in production, no card, no lineage, no metrics: each is said to be absent."""
    bare = fold(
        "bare", [JournalEntry("register", "ann", version=1, number=1, facts={"version": "1.0.0", "digest": "a" * 64})]
    )
    text = Page(model_page(bare, shown=bare.versions[0])).text
    for part in ("No version is in production", "knows nothing of this model's data", "keeps no card"):
        assert part in text


def test_metrics_are_drawn_over_versions(state: ModelState) -> None:
    """One figure for each metric, in the usual order, with the versions below it."""
    figures = metrics_over_versions(state.versions)
    assert [caption for _, caption in figures] == ["ROC AUC", "Brier score ↓ less is better"]
    for picture, _ in figures:
        for version in ("1.1.0", "1.2.0", "1.3.0"):
            assert version in picture


def test_a_lineage_joins_what_belongs_together(state: ModelState) -> None:
    """Runs on one version of a table share its node; stages and ends are told; each edge joins two nodes."""
    graph = of_uses(_uses(4), state)
    names = {node.id for node in graph.nodes}
    assert [len(graph.of(kind)) for kind in ("data", "run", "model", "endpoint")] == [2, 4, 4, 1]
    assert all(first in names and second in names for first, second in graph.edges)
    assert len(graph.edges) == 4 + 4 + 1
    model = next(node for node in graph.of("model") if node.title == "customers 1.1.0")
    assert (model.style, model.lines[-1]) == ("good", "production")
    assert [node.style for node in graph.of("run")].count("bad") == 1


def test_a_long_lineage_shows_its_latest_runs(state: ModelState) -> None:
    """What is left out is counted."""
    graph = of_uses(_uses(MOST_RUNS + 5), state)
    assert len(graph.of("run")) == MOST_RUNS
    assert graph.left_out == 5
    assert "5 earlier runs are left out" in Page(lineage_page("customers", graph)).text


def test_a_drawing_has_a_form_for_phones(state: ModelState) -> None:
    """The page's styles choose one of the two; both have every node, and say what they show."""
    graph = of_uses(_uses(3), state)
    both = str(drawing(graph))
    assert both.count("<svg") == both.count('role="img"') == 2
    assert "scroll lineage across" in both
    assert "scroll lineage down" in both
    assert both.count("host:8080") >= 4
    assert "2 data, 3 runs, 3 models, 1 endpoints" in both


def test_a_page_of_ten_thousand_versions_stays_small() -> None:
    """It shows the latest ones, and says how many it leaves out and how to see them."""
    entries = [
        JournalEntry("register", "ann", "nightly", version=number, number=number, facts=_facts(number % 9 + 1))
        for number in range(1, 10_001)
    ]
    state = fold("customers", entries)
    page = model_page(state, shown=state.versions[-1])
    assert len(page.encode()) < _LARGEST
    text = Page(page).text
    for what, command in (("versions", "show"), ("entries", "history")):
        assert f"The latest {MOST_ROWS} of 10,000 {what}; headrace registry {command} customers --skip" in text
    assert "The latest 500 of" not in Page(model_page(fold("customers", entries[:500]), shown=state.versions[0])).text


def test_a_lineage_counts_runs_that_were_not_read() -> None:
    """Beside those that it leaves out itself."""
    assert of_uses(_uses(MOST_RUNS + 5), earlier_runs=100).left_out == 105
