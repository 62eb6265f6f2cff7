"""What a notebook shows of results: escaped, small, and kept by the programs that show saved notebooks."""

import re
from html.parser import HTMLParser

import polars as pl
import pytest

from headrace.core.ab_tests.metric_text import parse_metric
from headrace.core.ab_tests.plan import FORMAT, ABTestPlan
from headrace.core.ab_tests.sample_size import complete_plan
from headrace.core.contracts.contract import Column, Contract
from headrace.reports.notebook.fragment import Fragment, make_table
from headrace.reports.notebook.models import describe_endpoint, describe_retraining
from headrace.reports.notebook.monitors import describe_ab_plan
from headrace.reports.notebook.tables import describe_contract, describe_predictions
from tests.conftest import REPOSITORY

_EVIL = "<script>alert(1)</script>\"'&\x1b"
# What JupyterLab 4.6.6 keeps of a notebook that it does not trust; GitHub and nbviewer keep these, too.
_KEPT = {"div", "p", "span", "strong", "code", "pre", "table", "caption", "thead", "tbody", "tr", "th", "td"}


class _Elements(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.names: set[str] = set()
        self.attributes: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def _check(html: str) -> None:
    parser = _Elements()
    parser.feed(html)
    parser.close()
    assert parser.open == []
    assert parser.names <= _KEPT
    assert parser.attributes <= {"class", "style", "role", "aria-label", "scope"}
    assert re.findall('class="([^"]*)"', html) == ["tex2jax_ignore mathjax_ignore"]
    assert not re.search(r"url\(|@import|expression|(?<![-\w])color:(?!inherit)", html)


def _evil() -> Fragment:
    table = make_table(_EVIL, [_EVIL, "n"], [[_EVIL, 1.5], [None, 2]], numbers=[1])
    return Fragment(_EVIL, _EVIL, _EVIL, "bad", (_EVIL,) * 9, ((_EVIL, _EVIL),), (table,), _EVIL)


def test_every_text_is_escaped() -> None:
    """Whatever stands in a name, a sentence, a cell or an example."""
    html = _evil().as_html()
    _check(html)
    assert "<script" not in html
    assert "\x1b" not in html
    assert "and 4 more." in html


def test_text_has_the_colour_of_the_page_around() -> None:
    """So that it is read on a light and on a dark page; a colour stands in an edge only, beside a word."""
    html = _evil().as_html()
    assert re.findall(r"#[0-9a-f]{6}", html) == ["#d0483f"]
    assert "background:#" not in html


def test_tables_have_captions_and_headers() -> None:
    """A screen reader says which table it is, and of which column a value."""
    html = Fragment("Table", "t", tables=(make_table("Rows", ("a", "b"), [(1, 2)]),)).as_html()
    assert html.count('<th scope="col"') == 2
    assert ">Rows</caption>" in html
    assert 'aria-label="Table t"' in html


def test_short_words_stay_whole() -> None:
    """Beside long ones, which are broken: a cell that may break anywhere is else as narrow as a letter.

    JupyterLab 4.6.6 drops a length in ``ch`` from notebooks that it does not trust; one in ``em`` stays.
    """
    html = Fragment("Table", "t", tables=(make_table("Rows", ("a", "b"), [("timestamp", "x" * 100)]),)).as_html()
    assert re.findall(r"min-width:([\d.]+)em", html) == ["5.4", "7.2"]


def test_two_dollars_are_no_formula() -> None:
    """Notebooks typeset what stands between them in any output, but where these classes say that nothing is one.

    JupyterLab 4.6.6 has MathJax 3, which knows ``mathjax_ignore``, and keeps classes of notebooks that it does not
    trust; pages of nbconvert 7 have MathJax 2, which knows ``tex2jax_ignore``. Source: their scripts.
    """
    assert _evil().as_html().lstrip().startswith('<div class="tex2jax_ignore mathjax_ignore"')
    for name in ("run_head.html", "flow.html"):
        text = (REPOSITORY / "reports" / "templates" / name).read_text()
        assert text.count('<div class="tex2jax_ignore mathjax_ignore" style="max-width') == 1


def test_a_table_of_a_million_rows_shows_its_head() -> None:
    """And says how many there are; wide tables are cut, too."""
    frame = pl.DataFrame({f"column {place}": ["x" * 1_000] * 20 for place in range(300)})
    counts = {"rows": 1_000_000, "scored": 999_999, "refused": 1, "warned": 2}
    fragment = describe_predictions(frame, name="m", digest="ab" * 32, output="out/", **counts)
    html = fragment.as_html()
    _check(html)
    assert len(html) < 50_000
    assert "12 of 1,000,000 rows" in html
    assert "14 of 300 columns" in html
    assert "1 break the contract" in html
    assert fragment.as_text() == "<Predictions of m: 999,999 of 1,000,000 rows have a prediction.>"


def test_a_contract_is_a_table_of_its_columns() -> None:
    """The target first, with what each may hold."""
    columns = (
        Column("age", "integer", minimum=0, maximum=120, unit="years", missing=0.1),
        Column("plan", "string", categories=("basic", _EVIL)),
        Column("mail", "string", role="ignore", personal="drop"),
        Column("churn", "string", role="target", categories=("no", "yes")),
    )
    fragment = describe_contract(Contract("customers", "binary", columns, positive="yes"))
    html = fragment.as_html()
    _check(html)
    names = re.findall(r"<tr[^>]*><td[^>]*>([^<]*)<", html.partition(">Columns")[2])
    assert names == ["churn", "age", "plan", "mail"]
    assert "0 to 120 years" in html
    assert "10.0 %" in html
    assert fragment.as_text().startswith("<Contract customers: task binary, positive class yes")


@pytest.mark.parametrize(
    ("is_live", "word", "has_command"), [(True, "Live", True), (False, "Ended", False), (None, "Deployed", True)]
)
def test_an_endpoint_says_how_to_ask_it(is_live: bool | None, word: str, has_command: bool) -> None:
    """Unless it has ended; an example is quoted for a shell."""
    fragment = describe_endpoint(
        "http://h/v1/models/m:predict", name="m", digest="ab", platform="local", is_live=is_live, example={"a": "it's"}
    )
    assert fragment.state == word
    assert fragment.code.startswith("curl ") == has_command
    assert ("it'\"'\"'s" in fragment.code) == has_command
    _check(fragment.as_html())


def test_a_large_example_is_left_out() -> None:
    """A row of a thousand columns would fill the page."""
    example = {f"column {place}": 1.0 for place in range(1_000)}
    fragment = describe_endpoint("http://h", name="m", digest="ab", platform="kserve", is_live=None, example=example)
    assert fragment.code == ""


@pytest.mark.parametrize("status", ["promoted", "rolled_back", "aborted", "waits", "published", "kept", "another"])
def test_a_retraining_says_what_came_of_it(status: str) -> None:
    """In a word for each status, also for one that this version does not know."""
    fragment = describe_retraining(
        status, "It is so.", name="m", rows={"old": 5, "held_out": 2}, notes=["A note."], metrics=None, production="m 2"
    )
    assert fragment.state
    assert ("held out rows", "2") in fragment.facts
    assert fragment.as_text() == f"<Retraining m: {fragment.state.lower()}, It is so.>"


def test_a_plan_says_how_many_keys_it_takes() -> None:
    """As a document that is planned."""
    metric = parse_metric("converted,rate=0.10,effect=0.02", role="primary").metric
    plan = ABTestPlan(FORMAT, "t", "key", "version", "old", "new", 0.5, 0.05, 0.8, "once", 0.001, (metric,), keys=0)
    html = describe_ab_plan(complete_plan(plan)).as_html()
    _check(html)
    assert "7,679" in html
