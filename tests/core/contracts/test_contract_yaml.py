"""The contract as YAML: a round trip, and a place in each message."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.core.base.errors import InputError, MissingError
from headrace.core.contracts.contract import SEVERITIES, Column, Contract, RowFeature
from headrace.core.contracts.contract_yaml import dump, load, parse
from headrace.core.contracts.vocabulary import ROW_RULES

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
BOUNDS = st.none() | st.floats(allow_nan=False, allow_infinity=False)
SHARES = st.floats(0, 1)


@st.composite
def columns(draw: st.DrawFn, name: str) -> Column:
    """A sound column."""
    about: dict[str, Any] = {
        "description": draw(st.text(max_size=30)),
        "unit": draw(st.text(max_size=5)),
        "missing": draw(SHARES),
    }
    kind = draw(st.sampled_from(["number", "text", "time", "code", "hashed"]))
    if kind == "number":
        low, high = draw(BOUNDS), draw(BOUNDS)
        if low is not None and high is not None and low > high:
            low, high = high, low
        return Column(name, "number", minimum=low, maximum=high, known_at_prediction=draw(st.booleans()), **about)
    if kind == "text":
        categories = draw(st.lists(TEXTS | st.just(""), min_size=1, max_size=40, unique=True))
        return Column(name, "string", categories=tuple(categories), **about)
    if kind == "time":
        return Column(name, "timestamp", "timestamp", format=draw(st.sampled_from(["", "%d/%m/%Y"])), **about)
    if kind == "code":
        numbers = draw(st.lists(st.integers(), min_size=1, max_size=5, unique=True))
        return Column(name, "integer", categories=tuple(str(number) for number in numbers), **about)
    return Column(name, "string", "id", personal="hash", **about)


@st.composite
def contracts(draw: st.DrawFn) -> Contract:
    """A sound contract."""
    names = draw(st.lists(TEXTS, min_size=1, max_size=6, unique=True))
    made = [draw(columns(name)) for name in names[1:]]
    classes = tuple(draw(st.lists(TEXTS, min_size=2, max_size=2, unique=True)))
    times = [column.name for column in made if column.dtype == "timestamp"]
    features = [RowFeature(f"{name} hour (made)" + "_" * 21, "hour", (name,)) for name in times]
    features += [RowFeature(f"{name} day (made)" + "_" * 21, "holiday", (name,), "US") for name in times]
    rules = draw(st.dictionaries(st.sampled_from(sorted(ROW_RULES)), st.sampled_from(["off", "warn", "stop"])))
    return Contract(
        name=draw(st.from_regex(r"[a-z]([a-z0-9-]{0,10}[a-z0-9])?", fullmatch=True)),
        task="binary",
        columns=(Column(names[0], "string", "target", categories=classes), *made),
        features=tuple(features),
        keys=tuple(draw(st.sampled_from([(), (names[0],)]))),
        missing_values=tuple(draw(st.lists(TEXTS, max_size=3))),
        rules=rules,  # type: ignore[arg-type]
        max_quarantined=draw(SHARES),
        positive=classes[0],
        time_column=times[0] if times else "",
    )


@given(contracts())
def test_reading_what_was_written_is_the_identity(contract: Contract) -> None:
    """Any sound contract survives YAML, whatever its texts hold."""
    assert parse(dump(contract)) == contract


CONTRACT = Contract(
    name="trips",
    task="regression",
    columns=(
        Column("id", "integer", "id"),
        Column("fare", "number", "target"),
        Column("age", "integer", minimum=0, maximum=120, missing=0.05, unit="years"),
        Column("zone", "string", categories=tuple(f"zone {number}, north" for number in range(30))),
        Column("when", "timestamp", "timestamp"),
    ),
    features=(RowFeature("when_hour", "hour", ("when",)),),
    keys=("id",),
)


def test_the_document_is_made_for_people() -> None:
    """Short columns stand on one line, long lists are wrapped between values, comments tell what may stand where."""
    text = dump(CONTRACT)
    assert "  - {name: age, dtype: integer, unit: years, minimum: 0, maximum: 120, missing: 0.05}\n" in text
    assert max(len(line) for line in text.splitlines()) <= 120
    assert "'zone 11, north'" in text
    assert text.startswith("# Data contract: what the table trips must be")
    assert dump(parse(text)) == text


def test_a_file_is_read_and_an_absent_one_is_missed(tmp_path: Path) -> None:
    """A contract is read from its file, with or without a byte-order mark; an absent file is told."""
    path = tmp_path / "contract.yaml"
    path.write_text(dump(CONTRACT), encoding="utf-8-sig")
    assert load(path) == CONTRACT
    with pytest.raises(MissingError, match="there is no contract"):
        load(tmp_path / "absent.yaml")


@pytest.mark.parametrize(
    ("old", "new", "fragment"),
    [
        ("minimum: 0", "minimum: 500", "columns[2] (age): minimum must be at most the maximum 120; got 500 instead."),
        ("dtype: number", "dtype: numbr", "columns[1] (fare): dtype must be one of"),
        ("unit: years", "units: years", "columns[2] (age): a key must be one of"),
        ("unit: years", "unit: 5", "columns[2] (age): unit must be a text"),
        ("minimum: 0", "minimum: low", "columns[2] (age): minimum must be a number; got 'low' instead."),
        ("minimum: 0", "minimum: true", "columns[2] (age): minimum must be a number; got True instead."),
        ("categories: [", "categories: [yes, ", "columns[3] (zone): categories[0] must be a text"),
        ("name: age, ", "", "columns[2]: name must be given"),
        ("columns: [when]", "columns: when", "features[0] (when_hour): columns must be a list"),
        ("task: regression", "task: regression\ntask: binary", "the key 'task' is given twice"),
        ("task: regression", "task: [", "line"),
        ("format: 1", "format: 2", "format must be 1"),
        ("keys: [id]", "keys: [idd]", "keys must be names of columns; got 'idd' instead."),
        ("keys: [id]", "rules: {range: loud}", "rules.range must be one of"),
        ("columns:", "columnz:", "a key must be one of"),
    ],
)
def test_a_wrong_value_is_told_with_its_place(old: str, new: str, fragment: str) -> None:
    """Unknown keys, wrong types and contradictions name the column and what was expected."""
    text = dump(CONTRACT)
    assert old in text
    with pytest.raises(InputError) as caught:
        parse(text.replace(old, new), source="trips.yaml")
    assert fragment in str(caught.value)
    assert str(caught.value).startswith("trips.yaml")


@pytest.mark.parametrize("text", ["", "- 1", "just text", "\x00", "!!python/object/apply:os.getcwd []"])
def test_what_is_no_contract_is_refused(text: str) -> None:
    """Empty, shapeless and dangerous documents are input errors."""
    with pytest.raises(InputError):
        parse(text)


def test_the_comments_tell_every_rule() -> None:
    """A rule that is added is told in the document's head."""
    text = " ".join(line.lstrip("# ") for line in dump(CONTRACT).splitlines())
    assert all(f"{rule}:" in text for rule in SEVERITIES)


@pytest.mark.parametrize(
    "text", ["04109", "1e3", "0o17", "08", "1e5", "1234,56", "5", "1.5", "0x1F", "12:30", "NaN", "y", "no", "~", "-7"]
)
def test_texts_that_look_like_something_else_are_quoted(text: str) -> None:
    """A postal code or 1e3 is a text for a reader of YAML 1.2 too, whose numbers PyYAML does not know."""
    contract = Contract("t", "regression", (Column("a", "string", categories=(text,)), Column("b", "number", "target")))
    document = dump(contract)
    assert f"'{text}'" in document
    assert parse(document) == contract
