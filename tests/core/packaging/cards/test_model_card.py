"""Model card, risk sheet, bill of materials, and what people say in them."""

import html
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import cyclonedx.schema
import jsonschema_rs
import pytest

from headrace.core.base.errors import BundleError, InputError, MissingError
from headrace.core.bundles.bundle import Bundle, open_bundle
from headrace.core.evaluation.evaluation_document import (
    ConfusionMatrix,
    IntervalCaution,
    SamplingUnit,
    SliceMeasures,
)
from headrace.core.models.fitted_model import Model
from headrace.core.packaging import sbom
from headrace.core.packaging.cards import card_answers, phrases, risk_sheet
from headrace.core.packaging.cards.card_answers import QUESTIONS, CardAnswers
from headrace.core.packaging.cards.card_facts import CardFacts
from headrace.core.packaging.cards.markdown import markdown
from headrace.core.packaging.cards.pages import page
from headrace.core.packaging.cards.phrases import HIDDEN, literal, shown_slices
from headrace.core.packaging.distributions import Distribution
from headrace.core.packaging.update_card import read_answers, update_answers
from headrace.core.statistics.measures import Residuals
from tests.made_bundle import make_bundle
from tests.made_documents import around, make_evaluation, make_provenance

SECTIONS = [
    *("Model details", "Intended use", "Factors", "Metrics", "Evaluation data", "Training data"),
    *("Quantitative analyses", "Ethical considerations", "Caveats and recommendations"),
]
RISKS = [
    "Intended use",
    "Out-of-scope use",
    "Worst case",
    "Exposure",
    "Robustness",
    "Fairness by slice",
    "Deactivation plan",
]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A bundle whose metrics were repeated by plan."""
    return make_bundle(tmp_path_factory.mktemp("card"), slices=("plan",))


@pytest.fixture(scope="module")
def model(bundle: Bundle) -> Model:
    """Its model."""
    return bundle.model()


def _text(bundle: Bundle, name: str) -> str:
    return (bundle.folder / name).read_text()


def _headings(text: str) -> list[str]:
    return [line[3:] for line in text.splitlines() if line.startswith("## ")]


def test_card_and_risk_sheet_have_their_sections(bundle: Bundle) -> None:
    """The card has those of Mitchell et al. 2019; in Markdown and in HTML alike."""
    assert _headings(_text(bundle, "card.md")) == SECTIONS
    assert _headings(_text(bundle, "risk.md")) == RISKS
    for name, sections in (("card.html", SECTIONS), ("risk.html", RISKS)):
        assert re.findall("<h2>(.*?)</h2>", _text(bundle, name)) == sections


def test_what_was_found_stands_on_the_card(bundle: Bundle, tmp_path: Path) -> None:
    """Which class is positive and what was left out: in the papers, on the card, and still when people answer."""
    found = bundle.json("provenance.json")["findings"]
    assert "positive_class" in {item["rule"] for item in found}
    answered = update_answers(bundle, CardAnswers({"caveats": "Mind the gap."}), tmp_path / "answered")
    for card in (_text(bundle, "card.md"), _text(answered, "card.md")):
        caveats = card[card.index("## Caveats") :]
        assert "- **positive class** (info): Column " in caveats
        assert ": the positive class, whose" in caveats
        assert "Precision, recall, F1 and PR AUC are those of the class `yes`." in card
    assert "<strong>positive class</strong> (info): Column " in _text(bundle, "card.html")


@pytest.mark.parametrize("text", ["a_b *c* [d](e) `f` <b>g</b> # h | i \\ j", "**x**", "two\nlines", "![a](b)"])
def test_a_finding_is_no_markdown(text: str) -> None:
    """Names of columns may hold any sign: the page shows them as they are."""
    shown = html.unescape(re.sub(r"</?(?:p|ul|li)>", "", str(markdown(f"- {literal(text)}"))))
    assert shown == " ".join(text.replace("`", "'").split())


def test_every_question_is_asked_where_nobody_has_answered(bundle: Bundle) -> None:
    """What only a person can say is marked as missing, with the key under which to say it."""
    asked = _text(bundle, "card.md") + _text(bundle, "risk.md")
    for key, question in QUESTIONS.items():
        assert f"*To be written by a person ({key} in card.yaml): {question}.*" in asked, key
    pages = _text(bundle, "card.html") + _text(bundle, "risk.html")
    assert "*" not in re.sub(r"<style>.*?</style>", "", pages, flags=re.DOTALL), (
        "an emphasis that the page does not know"
    )


def test_answers_stand_in_the_papers(bundle: Bundle, tmp_path: Path) -> None:
    """A bundle gets answers without being trained again: other papers, another digest, the same model byte for byte."""
    given = CardAnswers({key: f"answer to {key}, with **weight**" for key in QUESTIONS})
    made = update_answers(bundle, given, tmp_path / "answered")
    papers = _text(made, "card.md") + _text(made, "risk.md")
    assert "To be written by a person" not in papers
    for key in QUESTIONS:
        assert f"answer to {key}" in papers, key
    table = made.json("provenance.json")["table"]
    assert (table["licence"], table["origin"]) == (given["data_licence"], given["data_origin"])
    assert made.digest != bundle.digest
    same = {entry.path: entry.sha256 for entry in made.manifest.files}
    for entry in bundle.manifest.files:
        if entry.path.startswith(("model", "cases", "metrics", "contract", "requirements")):
            assert same[entry.path] == entry.sha256, entry.path
    assert read_answers(open_bundle(made.folder)) == given
    again = update_answers(made, read_answers(bundle), tmp_path / "again")
    assert again.digest == bundle.digest


def test_altered_papers_are_told(bundle: Bundle, tmp_path: Path) -> None:
    """Papers that Headrace did not write end in a sentence, and no new bundle is there."""
    broken = update_answers(bundle, CardAnswers(), tmp_path / "broken")
    (broken.folder / "sbom.cdx.json").write_text('{"metadata": {}}')
    with pytest.raises(BundleError, match="must be those that Headrace wrote"):
        update_answers(broken, CardAnswers(), tmp_path / "new")
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "plain",
        "two\nlines",
        'quotes " and \\ and: colons # no comment',
        "- a\n- b",
        " leading",
        "tab\there",
        "ünï ☃",
        "a\n\n\nb",
    ],
)
def test_a_card_file_is_read_as_it_was_written(tmp_path: Path, answer: str) -> None:
    """Writing and reading are inverse, whatever a person writes."""
    path = tmp_path / "card.yaml"
    path.write_text(card_answers.dump(CardAnswers({"owner": answer, "caveats": answer}), "m"))
    found = card_answers.load(path)
    assert found["owner"] == found["caveats"] == answer.strip()
    assert set(found.by_key) == set(QUESTIONS)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("format: 2", "format 1; got 2"),
        ("[]", "format 1"),
        ("", "format 1"),
        ("ownr: me", "got 'ownr' instead"),
        ("owner: 7", "answer to owner .* must be a text"),
        ("owner: [a]", "answer to owner .* must be a text"),
        ("owner: " + "x" * 30_000, "at most 20000 letters"),
        ("a: [", "must be YAML"),
        ("[" * 5000, "must be YAML"),
        ("owner: !!python/object/apply:os.system ['true']", "must be YAML"),
    ],
)
def test_what_is_no_card_file_is_refused(tmp_path: Path, content: str, says: str) -> None:
    """In one sentence that names the file or the key."""
    path = tmp_path / "card.yaml"
    path.write_text(content)
    with pytest.raises(InputError, match=says) as caught:
        card_answers.load(path)
    assert "\n" not in str(caught.value)


def test_a_missing_card_file_is_told(tmp_path: Path) -> None:
    """With the command that writes one."""
    with pytest.raises(MissingError, match="headrace card"):
        card_answers.load(tmp_path / "card.yaml")


def test_answers_cannot_act_or_break_the_page(bundle: Bundle, tmp_path: Path) -> None:
    """Headings and HTML of an answer stay text; the page allows no script and loads nothing."""
    hostile = "# Heading\n\n<script>alert(1)</script> [x](javascript:alert(1)) | cell"
    made = update_answers(bundle, CardAnswers(dict.fromkeys(QUESTIONS, hostile)), tmp_path / "hostile")
    assert _headings(_text(made, "card.md")) == SECTIONS
    for name in ("card.html", "risk.html"):
        shown = _text(made, name)
        assert "<script" not in shown
        assert "javascript:" not in shown
        assert "default-src 'none'" in shown
        assert not re.search(r"(src|href)=", shown)
    assert len(re.findall("<h1>", _text(made, "card.html"))) == 1


def test_a_page_has_the_title_of_its_document() -> None:
    """Whatever the title holds."""
    assert f"<title>{html.escape('a <b> & c')}</title>" in page("# a <b> & c\n\ntext")


def test_fairness_is_told_with_numbers(bundle: Bundle) -> None:
    """Each group has its rows and its metrics with intervals, and the widest gap is told."""
    text = _text(bundle, "risk.md").split("## Fairness by slice")[1].split("## ")[0]
    for part in bundle.json("metrics.json")["slices"]:
        recall = part["metrics"]["recall"]["value"]
        assert f"| `plan` | `{part['value']}` | {part['rows']:,} | {recall:.4g} (" in text
    assert re.search(r"- `plan`: recall is worst for `\w+`, .* apart, and their intervals (do not )?overlap", text)


def _sheet(model: Model, slices: list[SliceMeasures], **changes: Any) -> str:
    confusion = ConfusionMatrix(("no", "yes"), ((40, 10), (5, 45)))
    metrics = make_evaluation(**({"slices": tuple(slices), "confusion": confusion} | changes))
    return risk_sheet.write(model, CardFacts(metrics, make_provenance(), {}), CardAnswers())


def _group(value: str, rows: int, recall: float) -> SliceMeasures:
    return SliceMeasures("sex", value, rows, rows, {"recall": around(recall, 0.05)} if rows > 5 else {})


def test_the_gap_leaves_small_groups_out(model: Model) -> None:
    """A handful of rows proves nothing; how many groups were left out is told."""
    text = _sheet(model, [_group("f", 60, 0.6), _group("m", 40, 0.9), _group("x", 3, 0.0)])
    assert "recall is worst for `f`, 0.6 (0.55 to 0.65), and best for `m`, 0.9 (0.85 to 0.95): 0.3 apart" in text
    assert "do not overlap. 1 with fewer than 20 rows or without recall left out." in text
    assert "`sex`: too few groups" in _sheet(model, [_group("f", 60, 0.6), _group("x", 3, 0.0)])
    assert "intervals overlap" in _sheet(model, [_group("f", 60, 0.6), _group("m", 40, 0.62)])


def test_without_slices_the_remedy_is_told(model: Model) -> None:
    """Nothing measured by group is a gap, and is told as one."""
    assert "--slice COLUMN" in _sheet(model, [])


def test_the_worst_case_counts_the_errors(model: Model) -> None:
    """False alarms and misses of the test rows, as shares of their class; of a regression the errors' quantiles."""
    text = _sheet(model, [])
    assert "| `no` | `yes` | 10 | 20.0% |" in text
    assert "| `yes` | `no` | 5 | 10.0% |" in text
    quantiles = {"0.05": -2.0, "0.95": 3.5}
    told = _sheet(model, [], task="regression", confusion=None, residuals=Residuals(quantiles, 0.0))
    assert "lay between -2 and 3.5" in told


def test_values_of_personal_columns_are_hidden(bundle: Bundle) -> None:
    """A slice by a personal column shows its values only where the contract lists them anyway."""
    contract = bundle.model().contract
    parts = [SliceMeasures("plan", "basic", 9, 9, {}), SliceMeasures("age", "18 to 30", 9, 9, {})]
    assert [part.value for part in shown_slices(parts, contract)] == ["basic", "18 to 30"]
    marked = replace(contract, columns=tuple(replace(column, personal="keep") for column in contract.columns))
    assert [part.value for part in shown_slices(parts, marked)] == ["basic", HIDDEN]


def test_the_bill_of_materials_is_valid(bundle: Bundle) -> None:
    """It keeps the schema of CycloneDX 1.6, holds no time, and its serial number is the same each time."""
    bill = json.loads(_text(bundle, "sbom.cdx.json"))
    folder = Path(cyclonedx.schema.__file__).parent / "_res"
    names = [f"{name}.SNAPSHOT.schema.json" for name in ("bom-1.6", "spdx", "jsf-0.82")]
    schemas = {name: json.loads((folder / name).read_text()) for name in names}
    there = [(f"http://cyclonedx.org/schema/{name}", schema) for name, schema in schemas.items()]
    validator = jsonschema_rs.Draft7Validator(schemas[names[0]], registry=jsonschema_rs.Registry(there))
    assert [str(error) for error in validator.iter_errors(bill)] == []
    assert not validator.is_valid({**bill, "components": [{"type": "spell", "name": "x"}]})
    assert bill["specVersion"] == "1.6"
    assert "timestamp" not in bill["metadata"]
    assert bill["metadata"]["component"]["type"] == "machine-learning-model"
    assert bill["metadata"]["component"]["hashes"][0]["content"] == next(
        entry.sha256 for entry in bundle.manifest.files if entry.path == "model.skops"
    )
    libraries = {one["name"]: one for one in bill["components"] if one["type"] == "library"}
    pins = [line.split("==") for line in _text(bundle, "requirements.lock").splitlines()[1:]]
    assert {name: one["version"] for name, one in libraries.items()} == dict(pins)
    assert libraries["numpy"]["purl"].startswith("pkg:pypi/numpy@")


def test_licences_are_told_as_they_are() -> None:
    """An SPDX expression is one, words are a name, none is none; the same bill is the same bytes."""
    libraries = [Distribution("a", "1", "MIT OR Apache-2.0", ("b",)), Distribution("b", "2", "", ())]
    model = {"name": "m", "sha256": "ab" * 32, "licence": ""}
    data = {"name": "t.csv", "sha256": "", "licence": "ours, not to be passed on"}
    text = sbom.write(model, data, libraries)
    assert text == sbom.write(model, data, iter(libraries))
    bill = json.loads(text)
    licences = {one["name"]: one.get("licenses") for one in bill["components"]}
    assert licences == {
        "t.csv": [{"license": {"name": "ours, not to be passed on"}}],
        "a": [{"expression": "MIT OR Apache-2.0"}],
        "b": None,
    }
    relicensed = sbom.replace_licences(text, model="Apache-2.0", data="MIT OR ISC")
    changed = json.loads(relicensed)
    assert changed["metadata"]["component"]["licenses"] == [{"license": {"id": "Apache-2.0"}}]
    assert {one["name"]: one.get("licenses") for one in changed["components"]} == licences | {
        "t.csv": [{"expression": "MIT OR ISC"}]
    }
    assert changed["serialNumber"] != bill["serialNumber"]
    assert sbom.replace_licences(relicensed, model="", data=data["licence"]) == text


def test_card_and_sheet_say_by_what_the_intervals_are() -> None:
    """And what they cannot know, with the metrics that it is about."""
    evaluation = make_evaluation(
        resampled_by=SamplingUnit("group", 7, "95 % intervals by group: 7 groups"),
        cautions=(IntervalCaution(("recall", "f1"), "Fewer than 5 rows are of ['x']: few."),),
    )
    assert list(phrases.doubts(evaluation)) == [
        "95 % intervals by group: 7 groups.",
        "Fewer than 5 rows are of ['x']: few (recall, f1).",
    ]
    assert list(phrases.doubts(make_evaluation())) == ["95 % intervals by row: 80 rows."]


def test_the_robustness_is_told_with_numbers(bundle: Bundle) -> None:
    """The risk sheet has the figures of the bundle's metrics: flips, noise, missing inputs; else what is missing."""
    text = _text(bundle, "risk.md").split("## Robustness")[1].split("## ")[0]
    measured = bundle.json("metrics.json")["robustness"]
    for flip in measured["small_changes"]["flips"]:
        assert f"| {flip['within']:.0%} | {flip['share']['value']:.1%} (" in text
    noisy = measured["noise"][-1]["metrics"]["roc_auc"]
    assert f"| 20% | {noisy['value']:.4g} ({noisy['low']:.4g} to {noisy['high']:.4g}) |" in text
    assert f"| `{measured['missing'][0]['columns'][0]}` |" in text


def test_what_was_not_measured_is_told(model: Model) -> None:
    """A sheet without a measurement names the option, and that there is no guard."""
    text = _sheet(model, [])
    assert "Run the pipeline with --robustness quick." in text
    assert "There is no guard against rows that are unlike the training rows." in text
