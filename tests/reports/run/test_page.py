"""The report of a run."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from headrace.core.base.errors import InputError
from headrace.core.evaluation.verdict import GateComparison, GateVerdict
from headrace.core.robustness.robustness_document import (
    ColumnFlips,
    ColumnRange,
    FlipShare,
    MissingInputs,
    NoiseMeasures,
    Robustness,
    SmallChanges,
)
from headrace.reports.run.document import RunFacts, RunPaths
from headrace.reports.run.page import render, report_run
from tests.made_documents import around


class Page(HTMLParser):
    """What a browser would make of a page: its tags, attributes and texts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.text = ""
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag and its attributes."""
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Note that it is closed."""
        while self.open and self.open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        """Keep what is text, styles aside."""
        if "style" not in self.open:
            self.text += data


@pytest.fixture(scope="module")
def page(made: Any) -> str:
    """The page of the whole run."""
    return render(RunFacts.from_paths(made.paths, source=made.source))


def make_robustness(column: str) -> Robustness:
    """A robustness in which one column of numbers was measured."""
    share = around(0.25, 0.1)
    return Robustness(
        extent="quick",
        rows=80,
        metric="roc_auc",
        left_out=0,
        small_changes=SmallChanges(
            rows=40,
            method="coordinate search",
            columns=(column,),
            flips=tuple(FlipShare(within, share) for within in (0.01, 0.05, 0.1)),
            weakest=(ColumnFlips(column, 0.5, 0.25),),
            categories=(),
        ),
        noise=tuple(NoiseMeasures(level, {"roc_auc": around(0.9 - level, 0.05)}) for level in (0.0, 0.1, 0.2)),
        missing=(MissingInputs((column,), around(0.2, 0.1), 0.3, refused=True),),
        wrong_units=(),
        ranges={column: ColumnRange(0.0, 1.0)},
    )


def test_the_robustness_has_its_figures(made: Any) -> None:
    """Flips, noise and missing inputs are drawn, and columns that flip rows are listed, their names escaped."""
    run = RunFacts.from_paths(made.paths, source=made.source)
    assert run.evaluation is not None
    found = replace(run.evaluation, task="binary", robustness=make_robustness("<i>heat</i>"))
    text = render(replace(run, evaluation=found))
    section = text.partition('<h2 id="robustness">')[2].partition("</section>")[0]
    assert section.count("<figure") == 3
    assert "test rows, by coordinate search" in section
    assert "by a tenth of its range" in section
    assert "<i>heat" not in text
    assert 'href="#robustness"' in text


def test_every_section_is_there_and_listed(page: str) -> None:
    """Each entry of the contents leads to a heading."""
    targets = re.findall(r'<li><a href="#([\w-]+)">', page)
    assert targets == [
        *("steps", "data", "profile", "search", "metrics", "curves", "slices"),
        *("verdict", "endpoint", "card", "risk", "provenance"),
    ]
    assert [page.count(f'<h2 id="{target}">') for target in targets] == [1] * len(targets)


def test_the_verdict_comes_first(page: str) -> None:
    """Verdict, main metric, interval and baseline stand above the contents."""
    head = Page(page[: page.index("<nav")]).text
    for part in ("Promoted", "ROC AUC 0.901", "0.830 to 0.960", "80 test rows", "baseline has 0.500", "20 test cases"):
        assert part in head


def test_what_is_wrong_with_the_data_stands_in_the_head(page: str) -> None:
    """Eight warnings with their remedies are open, the others and the notes can be opened, all before the contents."""
    head = page[: page.index("<nav")]
    shown = Page(head[: head.index("<details")]).text
    assert "equal inputs" in shown
    assert "nearly repeat" in shown
    assert [place for place in range(10) if f"warning {place} " in shown] == [0, 1, 2, 3, 4, 5]
    assert "Look at it." in shown
    rest = Page(head).text
    for part in ("4 more warnings", "warning 9", "2 notes", "900 different texts", "Give --positive '0'."):
        assert part in rest


@pytest.mark.parametrize(
    "text",
    [
        "403",
        "it did not converge",
        "chosen threshold",
        "0.410",
        "in all 20 test cases",
        "Precision, recall, F1 and PR AUC are those of the class",
        "20.0% of the test rows: copies.",
        "cd" * 32,
        "scikit-learn",
        "1.80 s",
        "15 trials",
        "curl -s http://127.0.0.1:8080/v1/models/made-up:predict",
    ],
)
def test_the_page_tells(page: str, text: str) -> None:
    """What people look for is on the page."""
    assert text in Page(page).text


def test_the_search_is_told_beside_the_test_part(page: str) -> None:
    """Its score flatters; nested cross-validation and the test part say by how much."""
    part = page[page.index('id="search"') : page.index('id="metrics"')]
    text = " ".join(Page(part).text.split())
    for told in ("flatters: it is the best of 13", "0.875", "0.901", "the difference may be chance", "search.html"):
        assert told in text
    assert part.count("<svg") == 2
    assert "0.999" not in text


def test_nothing_of_the_data_acts(page: str) -> None:
    """Names, values and texts from the data are shown as they are, never obeyed."""
    read = Page(page)
    assert "script" not in read.tags
    assert not {"b", "i", "u"} & {tag for tag in read.tags if f"<{tag}>odd" in page or f"<{tag}> " in page}
    assert "<script" not in page.lower()
    assert "alert('x')" in read.text
    assert "{{ 7 * 7 }}" in read.text
    assert not [name for name, _ in read.attributes if name.startswith("on")]


def test_nothing_is_loaded_from_elsewhere(page: str) -> None:
    """A page needs no network and no other file."""
    loads = [
        value for name, value in Page(page).attributes if name in {"src", "href", "xlink:href", "action", "srcset"}
    ]
    assert [value for value in loads if not value.startswith(("#", "data:image/png;base64,"))] == []
    assert "@import" not in page
    assert re.findall(r"url\((?!#)", page) == []


def test_the_page_is_small_and_the_same_each_time(page: str, made: Any) -> None:
    """Equal runs give equal pages, small enough to mail."""
    assert len(page.encode()) < 400_000
    assert render(RunFacts.from_paths(made.paths, source=made.source)) == page


def test_ids_are_unique(page: str) -> None:
    """Pictures on one page do not share names."""
    ids = [value for name, value in Page(page).attributes if name == "id"]
    assert len(ids) == len(set(ids))


def test_personal_values_are_not_shown(page: str) -> None:
    """Neither personal data nor identifiers appear by value."""
    assert "@example.org" not in page
    assert "id-00" not in page
    assert page.count("(not shown)") == 4  # in the request, the line for the shell and two slices


def test_an_empty_run_says_what_is_missing() -> None:
    """A run that failed at once has a page that says so."""
    text = Page(render(RunFacts(error="ingest: there is no file x.csv."))).text
    assert "The run failed. ingest: there is no file x.csv." in text
    for part in ("not recorded", "not checked", "No profile", "No search", "Nothing was measured", "no verdict"):
        assert part in text
    for part in ("No endpoint", "no model card", "source of the data is not known"):
        assert part in text


@pytest.mark.parametrize(
    "part", ["table", "contract", "checks", "trials", "evaluation", "verdict", "bundle", "verification", "events"]
)
def test_any_part_may_be_absent(made: Any, part: str) -> None:
    """The page does not depend on any one part."""
    paths = replace(made.paths, **{part: None})
    assert "<h1>" in render(RunFacts.from_paths(paths, source=made.source))


def test_a_rejected_run_says_why_there_is_no_endpoint(made: Any) -> None:
    """Without a verification and with a rejection, the reason is given."""
    run = RunFacts.from_paths(replace(made.paths, verification=None))
    rejected = replace(
        run, verdict=GateVerdict("reject", ("roc_auc must be at least 0.99.",), GateComparison("baseline"))
    )
    text = Page(render(rejected)).text
    assert "Rejected." in text
    assert "not deployed, because it was rejected" in text


def test_a_broken_contract_is_told_unless_the_run_failed_anyway(made: Any, tmp_path: Path) -> None:
    """A report of a failure does not fail for the same reason."""
    broken = tmp_path / "contract.yaml"
    broken.write_text("name: [")
    with pytest.raises(InputError, match="contract"):
        RunFacts.from_paths(RunPaths(contract=broken))
    found = RunFacts.from_paths(RunPaths(contract=broken, evaluation=broken), error="the contract is broken.")
    assert found.contract is None
    assert found.evaluation is None


def test_a_report_is_written_from_paths(made: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The component's entry reads the times of the steps from the events that the environment names."""
    monkeypatch.setenv("HEADRACE_EVENTS", str(made.paths.events))
    report_run(str(tmp_path / "report.html"), paths=replace(made.paths, events=None), source=made.source)
    text = Page((tmp_path / "report.html").read_text()).text
    assert "this page" in text
    assert "15 trials" in text
