"""Rows that are set aside do not shape a contract, and what they cannot have shaped is not looked at twice."""

import random
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from functools import partial

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.core.contracts.profiling import column_profile, standing_rows
from headrace.core.contracts.profiling.column_trials import ColumnProfile
from tests.properties import examples

_ROWS = 400
_PLAIN = ("whole", "decimal", "word", "letter", "day", "time", "count", "code", "float", "flag", "mixed")
_KINDS = (*_PLAIN, "nearly", "doubtful", "clock", "comma")


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A head and lists that are short, so that a small table is as a large one."""
    for module in (standing_rows, column_profile):
        monkeypatch.setattr(module, "HEAD_ROWS", 20)
        monkeypatch.setattr(module, "MOST_CATEGORIES", 15)


def _values(kind: str, dice: random.Random, spread: int, *, odd: bool = False) -> list[object]:
    """Values of one kind; a larger spread reaches beyond the values of a smaller one.

    Odd values of the last kinds are another dtype's, a time of day, or written in another way: of the usual ones about
    one in a hundred are, as many as are tolerated, so that a few more or less decide.
    """
    day = date(2024, 1, 1)
    rare = 1.0 if odd else 0.008
    made = {
        "whole": lambda: str(dice.randint(-spread, spread)),
        "decimal": lambda: f"{dice.uniform(-spread, spread):.1f}",
        "word": lambda: f"word {dice.randint(0, 40 * spread)} of it",
        "letter": lambda: "abcdefgh"[dice.randint(0, min(spread, 7))],
        "day": lambda: str(day + timedelta(days=dice.randint(0, spread))),
        "time": lambda: f"{day} {dice.randint(0, 23):02d}:{dice.randint(0, min(spread, 59)):02d}:00",
        "count": lambda: dice.randint(0, 5 * spread),
        "code": lambda: f"{dice.randint(0, 10 * spread):05d}",
        "float": lambda: dice.choice([dice.uniform(0, spread), float("nan"), None]),
        "flag": lambda: dice.choice(["yes", "no"]),
        "mixed": lambda: dice.choice([str(dice.randint(0, spread)), f"{dice.randint(0, spread)}.5"]),
        "nearly": lambda: f"{dice.randint(0, spread)}{'.5' if dice.random() < rare else ''}",
        "doubtful": lambda: "about 7" if dice.random() < rare else str(dice.randint(0, spread)),
        "clock": lambda: f"{day + timedelta(days=dice.randint(0, spread))} {'08' if odd else '00'}:00:00",
        "comma": lambda: f"{dice.randint(1, 9)}{',' if dice.random() > rare else '.'}{dice.randint(100, 999)}",
    }[kind]
    return [None if dice.random() < 0.05 else made() for _ in range(_ROWS)]


def _surveyed(table: pl.DataFrame, *, target: str) -> tuple[pl.DataFrame, dict[str, ColumnProfile]]:
    rows, facts, _ = standing_rows.profile_valid_rows(
        table.lazy(), target=target, survey=partial(column_profile.profile_columns, texts=[target])
    )
    return rows.collect(), facts


@examples(40)
@given(
    kinds=st.lists(st.sampled_from(_KINDS), min_size=2, max_size=6),
    seed=st.integers(0, 10**6),
    junk=st.sets(st.integers(0, _ROWS - 1), min_size=1, max_size=4),
    spread=st.integers(1, 30),
)
def test_what_is_not_looked_at_twice_is_what_a_second_look_would_tell(
    kinds: list[str], seed: int, junk: set[int], spread: int
) -> None:
    """All facts but estimates are those of a survey of all columns of the rows that stay, wherever the junk lies."""
    dice = random.Random(seed)  # noqa: S311 - a table that hypothesis can make again
    wild = dice.randint(1, 40)
    columns: dict[str, list[object]] = {"broken": [str(dice.randint(0, 9)) for _ in range(_ROWS)]}
    for place, kind in enumerate(kinds):
        usual, odd = _values(kind, dice, spread), _values(kind, dice, wild, odd=True)
        columns[f"{kind} {place}"] = [odd[row] if row in junk else usual[row] for row in range(_ROWS)]
    for row in junk:
        columns["broken"][row] = "soon"
    table = pl.DataFrame(columns, strict=False)
    target = dice.choice(list(columns))
    rest, facts = _surveyed(table, target=target)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(standing_rows, "find_unchanged", _nothing)
        wanted_rest, wanted = _surveyed(table, target=target)
    assert rest.equals(wanted_rest)
    assert {name: _exact(item) for name, item in facts.items()} == {name: _exact(item) for name, item in wanted.items()}


def _nothing(*_: object, **__: object) -> Mapping[str, ColumnProfile]:
    return {}


def _exact(item: ColumnProfile) -> ColumnProfile:
    return item if item.values is not None else replace(item, distinct=0)


def test_a_row_of_totals_costs_no_second_look_at_columns_that_it_cannot_have_shaped() -> None:
    """One row goes: the column in which it holds the largest value is surveyed again, all others are not."""
    dice = random.Random(7)  # noqa: S311 - always the same table
    table = pl.DataFrame(
        {
            "age": [str(dice.randint(20, 90)) for _ in range(_ROWS)] + ["44"],
            "sum": [str(dice.randint(20, 90)) for _ in range(_ROWS)] + ["21000"],
            "kind": [dice.choice("abc") for _ in range(_ROWS)] + ["a"],
            "bought": [dice.choice(["1", "0"]) for _ in range(_ROWS)] + ["all"],
        }
    )
    looks: list[set[str]] = []

    def seen(
        rows: pl.LazyFrame, *, known_profiles: Mapping[str, ColumnProfile] | None = None
    ) -> dict[str, ColumnProfile]:
        looks.append(set(rows.collect_schema()) - set(known_profiles or {}))
        return column_profile.profile_columns(rows, known_profiles=known_profiles)

    rest, facts, _ = standing_rows.profile_valid_rows(table.lazy(), target="bought", survey=seen)
    assert looks[-1] == {"sum"}
    assert rest.collect().height == _ROWS
    assert (facts["sum"].most <= 90, facts["bought"].failed, facts["age"].rows) == (True, 1, _ROWS)


def test_a_column_of_numbers_is_no_text_because_of_rows_that_are_set_aside() -> None:
    """Leading zeros make a text of a column; here they stand in rows alone that are set aside."""
    dice = random.Random(7)  # noqa: S311 - always the same table
    size = [str(dice.randint(0, 900)) for _ in range(_ROWS)]
    bought = [dice.choice(["1", "0"]) for _ in range(_ROWS)]
    for row in (60, 70, 80):
        size[row], bought[row] = "007", "all"
    table = pl.DataFrame({"size": size, "bought": bought})
    assert column_profile.profile_columns(table.lazy())["size"].dtype == "string"
    rest, facts = _surveyed(table, target="bought")
    assert (rest.height, facts["size"].dtype) == (_ROWS - 3, "integer")
