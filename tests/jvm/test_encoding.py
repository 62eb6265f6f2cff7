"""The Java library encodes rows as Python does, to the bit, and refuses the same rows by the same rules."""

import datetime as dt
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.core.contracts.contract import Column, Contract, RowFeature, Severity
from headrace.core.inference.request_encoder import RequestEncoder
from headrace.core.values.missing_marks import DEFAULT
from tests.jvm.comparison import JavaServer, encode_in_python
from tests.properties import examples

pytestmark = pytest.mark.jvm

TIME = "timestamp"
FORMATS = ("%d/%m/%Y %H:%M", "%d.%m.%y | %Y%m%d", "%d %b %Y", "%m/%d/%Y %I:%M %p")


def made_contract(rules: dict[str, Severity], marks: tuple[str, ...] = DEFAULT) -> Contract:
    """A contract with a column of each kind, and each row feature."""
    return Contract(
        name="t",
        task="regression",
        columns=(
            Column("n", "integer", minimum=-5, missing=0),
            Column("x", "number", maximum=9.5, missing=0.5),
            Column("free", "number"),
            Column("c", "string", categories=("a", "b", "1", "true", "0.00001", "1e-7")),
            Column("open", "string", categories=("a", "NA", "1.5"), unseen="accept", personal="keep"),
            Column("rooms", "integer", categories=("1", "2", "-999")),
            Column("ok", "boolean", missing=0),
            Column("price", "number", format="1.234,56 €"),
            Column("count", "integer", format="(1,234)", minimum=0),
            Column("start", TIME, role=TIME),
            Column("end", TIME, role=TIME, missing=0),
            *(Column(f"t{place}", TIME, role=TIME, format=form) for place, form in enumerate(FORMATS)),
            Column("loose", "number", role="ignore", maximum=1),
            Column("secret", "string", role="ignore", personal="drop"),
            Column("y", "number", role="target"),
        ),
        features=(
            RowFeature("day", "day_of_week", ("start",)),
            RowFeature("free_day", "weekend", ("start",)),
            RowFeature("holiday", "holiday", ("start",), country="US"),
            RowFeature("hour", "hour", ("end",)),
            RowFeature("month", "month", ("end",)),
            RowFeature("took", "elapsed", ("start", "end")),
            RowFeature("share", "ratio", ("x", "free")),
            RowFeature("area", "product", ("free", "n")),
            RowFeature("truth", "ratio", ("ok", "loose")),
            *(RowFeature(f"since{place}", "elapsed", (f"t{place}", "end")) for place in range(len(FORMATS))),
        ),
        rules=rules,
        missing_values=marks,
    )


CONTRACTS = {
    "usual": made_contract({}),
    "marks": made_contract({"missing": "stop"}, marks=("", "NA", "-999", "0", "9999-12-31", "1e5", "2024-01-05")),
    "lenient": made_contract(dict.fromkeys(("type", "range", "category", "finite", "columns"), "warn")),
    "off": made_contract(
        dict.fromkeys(("type", "finite", "range", "category", "columns", "missing", "unknown_columns"), "off"),
        marks=("", "a", "1.5"),
    ),
}
GOOD: dict[str, Any] = {
    "n": 1,
    "x": 2.5,
    "free": 4,
    "c": "a",
    "open": "a",
    "rooms": 2,
    "ok": True,
    "price": "12,5 €",
    "count": "1,234",
    "start": "2024-07-04 10:00:00",
    "end": "2024-07-06T12:30:15",
    "t0": "31/12/2023 23:59",
    "t1": "5.1.24",
    "t2": "5 janvier 2024",
    "t3": "12/31/2023 11:59 p.m.",
    "loose": 2,
}
NUMBERS = st.one_of(
    st.integers(-(2**70), 2**70),
    st.integers(-9, 9),
    st.floats(allow_nan=False, allow_infinity=False),
    st.floats(-9, 9),
    st.sampled_from([2.0**53, 2.0**53 + 2, 2**53 + 1, -0.0, 1e-5, 1e-7, 0.1, 1e16, 123456.789, -999, 0, 1e30, -1e31]),
)
FORMS = [
    *("%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S.%f", "%Y-%m-%d", "%Y-%m-%d  %H:%M", "%Y-%m-%dT%H:%M:%S+01:30"),
    *("%d/%m/%Y %H:%M", "%d.%m.%y", "%Y%m%d", "%d %b %Y", "%A, %d. %B %Y", "%m/%d/%Y %I:%M %p", "%m/%d/%Y%I:%M%p"),
]
TIMES = st.one_of(
    st.builds(
        lambda time, form: time.strftime(form),
        st.datetimes(dt.datetime(1000, 1, 1)),  # noqa: DTZ001 - times in a table have no zone
        st.sampled_from(FORMS),
    ),
    st.from_regex(
        r"[+ ]?2024[- /.]?[01]?[0-9][-/. ][0-3]?[0-9][T ]{0,2}([0-9]{1,2}:?){0,3}(\.[0-9]*)?", fullmatch=True
    ),
    st.from_regex(r"20[0-9]{2}-0[1-9]-1[0-9]T0[0-9]:00:60?(\.5)? ?([zZ]|[+-][0-9]{2}:?([0-9]{2})?)?", fullmatch=True),
    st.from_regex(
        r"[1-9]\.? ?(de )?(enero|janv|Mär|MAY|okt|września|dec)[a-z]?\.? ?(de )?(19|20)[0-9]{2}", fullmatch=True
    ),
    st.sampled_from(["0999-12-31", "9999-12-31", "10000-01-01", "2016-12-31 23:59:60", "2024- 01-05", "\uff12024-1-1"]),
)
NUMBER_TEXTS = st.one_of(
    NUMBERS.map(str),
    st.from_regex(r"[+-]?[0-9]{0,20}(\.[0-9]{0,20})?([eE][+-]?[0-9]{1,3})?", fullmatch=True),
    st.from_regex(r"[-(]?[€$ ]?[0-9]{1,3}([.,' ][0-9]{3}){0,2}([.,][0-9]{1,3})?[ €)-]{0,2}", fullmatch=True),
    st.sampled_from(
        ["inf", "-Infinity", "nan", "NaN", "1.", ".5", "+1", "0x10", "1d", "1_0", "007", "\u0663", "4e1", "40.0"]
    ),
)
TEXTS = st.one_of(
    st.text(max_size=3),
    st.sampled_from(["", "NA", " a", "a\t", "\na", "?", "yes", "T", "0.0", "-999", "1e5", "null", "K", "0.00001"]),
)
ANY = st.one_of(
    st.none(), st.booleans(), NUMBERS, NUMBER_TEXTS, TEXTS, TIMES, st.just([1]), st.just({"a": 1}), st.just(1e400)
)


def rows() -> st.SearchStrategy[dict[str, Any]]:
    """Good rows in which a few values are others, absent or unknown."""
    numbers, times = NUMBERS | NUMBER_TEXTS, TIMES | st.integers(20_000_101, 20_301_231)
    likely = {"n": numbers, "x": numbers, "free": numbers, "price": numbers, "count": numbers, "loose": numbers}
    likely |= dict.fromkeys(("start", "end", "t0", "t1", "t2", "t3"), times)
    likely |= {"c": TEXTS | numbers | st.booleans(), "open": TEXTS | numbers | st.booleans()}
    likely |= {"rooms": st.sampled_from([1, 2, 3, 1.0, True, "1", "01", -999, "-999"]) | numbers}
    likely |= {"ok": st.booleans() | st.sampled_from(["TRUE", "no", "1", "0.0", 0, 1, 1.0, 2, "x", "0"])}
    others = {name: st.one_of(values, values, values, st.none(), ANY) for name, values in likely.items()}
    more = {"secret": ANY, "y": numbers, "unknown": ANY}
    changes = st.one_of(
        st.dictionaries(st.sampled_from(sorted(others)), st.just(None), max_size=4).flatmap(
            lambda names: st.fixed_dictionaries({name: others[name] for name in names})
        ),
        st.fixed_dictionaries({}, optional=more),
    )
    lacks = st.sets(st.sampled_from(sorted(GOOD)), max_size=1)
    return st.builds(
        lambda change, lack: {name: value for name, value in {**GOOD, **change}.items() if name not in lack},
        changes,
        st.one_of(st.just(set()), st.just(set()), st.just(set()), lacks),
    )


@pytest.fixture(scope="module")
def encoders(java: JavaServer) -> dict[str, RequestEncoder]:
    """Python's encoder of each contract, which Java knows too."""
    for name, contract in CONTRACTS.items():
        java.take_contract(name, contract)
    return {name: RequestEncoder(contract) for name, contract in CONTRACTS.items()}


@pytest.mark.parametrize("name", sorted(CONTRACTS))
@examples(60)
@given(row=rows())
def test_rows_have_equal_matrices_or_break_equal_rules(
    java: JavaServer, encoders: dict[str, RequestEncoder], name: str, row: dict[str, Any]
) -> None:
    """To the bit: numbers, categories, missing values, times and row features of any values that JSON holds."""
    assert java.encode(name, row) == encode_in_python(encoders[name], row)


def test_a_good_row_is_encoded(java: JavaServer, encoders: dict[str, RequestEncoder]) -> None:
    """Else the property would hold where both refuse everything."""
    for name, encoder in encoders.items():
        kind, bits = java.encode(name, GOOD)
        assert kind == "encoded", (name, bits)
        assert None not in bits or name != "usual"
        assert encode_in_python(encoder, GOOD) == (kind, bits)


def test_sentences_say_what_was_expected_and_hide_personal_values(
    java: JavaServer, encoders: dict[str, RequestEncoder]
) -> None:
    """They are Python's, without the number of the row."""
    refused = java.ask(use="usual", row={**GOOD, "x": 10})
    assert refused["sentence"] == "column 'x' must be at most 9.5; got 10 instead."
    assert encoders
    warned = java.ask(use="lenient", row={**GOOD, "open": None, "c": "zz"})
    assert warned["warnings"] == [
        "column 'c' must be one of 'a', 'b', '1', 'true', '0.00001', '1e-7'; got 'zz' instead."
    ]
