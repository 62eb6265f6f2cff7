"""What each column of a raw table holds, found by trying it on all rows in a few bounded passes."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import polars as pl

from headrace.core import casts, terms, wide_numbers
from headrace.core.contract import Column, Dtype
from headrace.core.customs import Customs
from headrace.core.notation_choice import Choice, choices
from headrace.core.notes import Note

HEAD_ROWS = 2_000
MOST_CATEGORIES = 1_000
TOLERATED = 0.01
_LONG_TEXT = 18
_LEADING_ZERO = r"^[+-]?0\d"
_DATES = ("%d/%m/%Y", "%m/%d/%Y", "%Y/%m/%d", "%d.%m.%Y", "%d-%m-%Y", "%m-%d-%Y", "%d-%b-%Y", "%d %b %Y", "%b %d, %Y")
_CLOCKS = ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p")
TIME_FORMATS = (*casts.ISO_FORMATS, *(f"{day}{clock}" for day in _DATES for clock in _CLOCKS))
_DATE = re.compile(r"\d{1,4}[-/. ]\w{1,3}[-/. ,]+\d{2,4}|[A-Za-z]{3} \d{1,2}, \d{4}")
_NUMBERS: tuple[Dtype, ...] = ("integer", "number")
_BOOLEAN_WORDS = [word for word in (*terms.TRUE, *terms.FALSE) if not word[0].isdigit()]


@dataclass(frozen=True)
class Facts:
    """What is known of a column.

    Attributes:
        name: Its name.
        dtype: What it holds.
        rows: Rows of the table.
        missing: Rows without a value.
        distinct: Number of different values: exact up to 1,000, about right above.
        format: How its timestamps or numbers are written; empty for ISO 8601, plain numbers, or no text.
        failed: Values that are not of the dtype, at most one in a hundred.
        infinite: Values that are infinite.
        least: Least finite value of numbers and timestamps.
        most: Largest finite value.
        values: The different values as text, sorted, if there are at most 1,000; else None.
        clock: Whether its timestamps differ in the time of day.
        head: A few raw texts from the beginning of the table.
        nested: Whether its values are lists, records or bytes, which no model takes.
        almost: A dtype that most, but too few, of its texts have.
        unit: Currency, percent sign or unit that its numbers are written with.
        notes: What a person should know of how it was read.
    """

    name: str
    dtype: Dtype
    rows: int
    missing: int = 0
    distinct: int = 0
    format: str = ""
    failed: int = 0
    infinite: int = 0
    least: Any = None
    most: Any = None
    values: tuple[str, ...] | None = None
    clock: bool = False
    head: tuple[str, ...] = field(default=(), repr=False)
    nested: bool = False
    almost: str = ""
    unit: str = ""
    notes: tuple[Note, ...] = ()

    @property
    def present(self) -> int:
        """Rows with a value."""
        return self.rows - self.missing

    @property
    def unique(self) -> bool:
        """Whether each value may be there once, as far as an estimate of their number can tell."""
        return self.present > 0 and self.distinct >= 0.85 * self.present


def survey(table: pl.LazyFrame, *, texts: Iterable[str] = (), customs: Customs | None = None) -> dict[str, Facts]:
    """Find out what each column holds.

    A text column is a boolean, integer, number or timestamp if all its values are, up to one in a hundred; numbers with
    leading zeros, such as postal codes, stay texts.

    Args:
        table: Raw table.
        texts: Columns of text whose yes and no, or true and false, are to stay texts.
        customs: What a person says of how numbers and dates are written; None to find out.

    Returns:
        The facts by column, in the order of the table.
    """
    schema = table.collect_schema()
    head = table.head(HEAD_ROWS).collect()
    left = _candidates(head, schema, texts=frozenset(texts))
    found: dict[str, Facts] = {}
    almost: dict[str, str] = {}
    while len(found) < len(left):  # a text is a text in the end, so that each round settles what it can
        trials = [candidates.pop(0) for name, candidates in left.items() if name not in found]
        for trial, counts in _pass(table, schema, trials):
            failed = int(counts.get("failed", 0))
            empty = not counts["present"] and schema[trial.name] == pl.String
            if (
                failed > TOLERATED * int(counts["present"])
                or counts.get("zeros")
                or (empty and trial.dtype != "string")
            ):
                almost.setdefault(trial.name, "" if counts.get("zeros") else trial.dtype)
            else:
                found[trial.name] = _facts(trial, counts, head.get_column(trial.name), almost.get(trial.name, ""))
    found = _renotated(table, head, found, customs=customs or Customs())
    found = _widened(table, head, found)
    return _listed(table, schema, {name: found[name] for name in schema})


def _widened(table: pl.LazyFrame, head: pl.DataFrame, found: dict[str, Facts]) -> dict[str, Facts]:
    """Keep whole numbers beyond 64 bits as texts, and tell of decimals that a float rounds."""
    numbers = [item for item in found.values() if head.schema[item.name] == pl.String and item.dtype == "number"]
    long = [item.name for item in numbers if _may_be_wide(item)]
    counts = wide_numbers.surveyed(table, long)
    better = dict(found)
    for name, count in counts.items():
        lost = {key: count[key] for key in ("lost", "texts", "numbers")}
        if count["lost"] and not count["whole"]:
            better[name] = replace(found[name], notes=(*found[name].notes, wide_numbers.rounded_note(name, **lost)))
    texts = [_trial(name, "string") for name, count in counts.items() if count["whole"]]
    for trial, made in _pass(table, head.schema, texts) if texts else ():
        facts = _facts(trial, made, head.get_column(trial.name), "")
        better[trial.name] = replace(facts, notes=(wide_numbers.long_note(trial.name),))
    return better


def _may_be_wide(item: Facts) -> bool:
    ends = [abs(end) for end in (item.least, item.most) if end is not None]
    return any(end >= wide_numbers.MOST for end in ends) or any(len(text) > _LONG_TEXT for text in item.head)


def _renotated(
    table: pl.LazyFrame, head: pl.DataFrame, found: dict[str, Facts], *, customs: Customs
) -> dict[str, Facts]:
    """Read the columns again whose numbers are written in a notation of their own."""
    texts = [item for item in found.values() if head.schema[item.name] == pl.String and item.present]
    odd = [item.name for item in texts if item.dtype == "string" or (item.dtype in _NUMBERS and item.failed)]
    plain = [item.name for item in texts if item.dtype == "number" and not item.failed]
    made = {choice.name: choice for choice in choices(table, head, odd=odd, plain=plain, customs=customs)}
    trials = [_noted_trial(choice) for choice in made.values() if not choice.text]
    better = dict(found)
    for choice in made.values():
        if choice.text:
            better[choice.name] = replace(found[choice.name], notes=choice.notes)
    for trial, counts in _pass(table, head.schema, trials) if trials else ():
        old, choice = found[trial.name], made[trial.name]
        failed = int(counts["failed"])
        if failed <= TOLERATED * int(counts["present"]) and (
            old.dtype == "string" or failed < old.failed or not old.failed
        ):
            new = _facts(trial, counts, head.get_column(trial.name), "")
            better[trial.name] = replace(new, unit=choice.unit, notes=choice.notes)
        elif old.dtype == "string" and not old.almost:
            better[trial.name] = replace(old, almost=trial.dtype)
    return better


def _noted_trial(choice: Choice) -> Column:
    return _trial(choice.name, "integer" if choice.whole else "number", choice.format)


def _candidates(head: pl.DataFrame, schema: pl.Schema, *, texts: frozenset[str]) -> dict[str, list[Column]]:
    """What each column may hold, the likeliest first, as far as the first rows tell."""
    ideas = [
        trial
        for name, raw in schema.items()
        if raw == pl.String
        for trial in _ideas(head.get_column(name), words=name in texts)
    ]
    casted = [
        casts.cast(pl.col(trial.name), schema[trial.name], trial).null_count().alias(f"{place}")
        for place, trial in enumerate(ideas)
    ]
    lost = head.select(casted).row(0) if casted else ()
    empty = dict(zip(head.columns, head.null_count().row(0), strict=True))
    left: dict[str, list[Column]] = {
        name: [] if raw == pl.String else [_trial(name, _native(raw))] for name, raw in schema.items()
    }
    for trial, nulls in zip(ideas, lost, strict=True):
        if 2 * (nulls - empty[trial.name]) <= head.height - empty[trial.name]:
            left[trial.name].append(trial)
    return {
        name: [*found, _trial(name, "string")] if schema[name] == pl.String else found for name, found in left.items()
    }


def _ideas(head: pl.Series, *, words: bool) -> Iterator[Column]:
    """What a column of text may hold by the look of its first values."""
    known = _known(head)
    first = known[0].lower() if known.len() else ""
    if not words and first in _BOOLEAN_WORDS:
        spoken = int(known.str.to_lowercase().is_in(_BOOLEAN_WORDS).sum())
        if spoken > (1 - 5 * TOLERATED) * known.len():
            yield _trial(head.name, "boolean")
    yield from (_trial(head.name, dtype) for dtype in _NUMBERS)
    if not known.len():
        yield from (_trial(head.name, "timestamp", form) for form in casts.ISO_FORMATS[:3])
    elif any(_DATE.search(text) for text in known.head(5)):
        yield from (_trial(head.name, "timestamp", form) for form in _time_formats(known.head(20)))


def _known(head: pl.Series) -> pl.Series:
    return head.drop_nulls() if head.null_count() else head


def _time_formats(known: pl.Series) -> list[str]:
    """The formats that at least half of some texts have, at most three."""
    parsed = known.to_frame("text").select(
        casts.parse_time(pl.col("text"), form).null_count().alias(form) for form in TIME_FORMATS
    )
    lost = dict(zip(parsed.columns, parsed.row(0), strict=True))
    return [form for form in TIME_FORMATS if 2 * lost[form] <= known.len()][:3]


def _trial(name: str, dtype: Dtype, form: str = "") -> Column:
    return Column(name=name, dtype=dtype, role="ignore", format=form)


def _native(raw: pl.DataType) -> Dtype:
    if raw.is_integer():
        return "integer"
    if raw.is_numeric():
        return "number"
    if raw == pl.Boolean:
        return "boolean"
    return "timestamp" if raw == pl.Date or isinstance(raw, pl.Datetime) else "string"


def _pass(table: pl.LazyFrame, schema: pl.Schema, trials: list[Column]) -> Iterator[tuple[Column, dict[str, Any]]]:
    """Try one candidate of each column on all rows."""
    wanted = [pl.len().alias("rows")]
    keys: list[list[str]] = []
    for place, trial in enumerate(trials):
        made = _aggregates(trial, schema[trial.name], pl.col(f"cast:{place}"))
        wanted += [expression.alias(f"{place}:{key}") for key, expression in made.items()]
        keys.append(list(made))
    tried = table.with_columns(
        casts.cast(pl.col(trial.name), schema[trial.name], trial).alias(f"cast:{place}")
        for place, trial in enumerate(trials)
    )
    row = tried.select(wanted).collect(engine="streaming").row(0, named=True)
    for place, (trial, made_keys) in enumerate(zip(trials, keys, strict=True)):
        yield trial, {"rows": row["rows"], **{key: row[f"{place}:{key}"] for key in made_keys}}


def _aggregates(trial: Column, raw: pl.DataType, cast: pl.Expr) -> dict[str, pl.Expr]:
    value = pl.col(trial.name)
    there = value.is_not_null() & value.is_not_nan() if raw.is_float() else value.is_not_null()
    made = {"present": there.sum()}
    if raw == pl.String and trial.dtype != "string":
        made["failed"] = (there & cast.is_null()).sum()
    if raw == pl.String and trial.dtype in {"integer", "number"}:
        made["zeros"] = value.str.contains(_LEADING_ZERO).sum()
    if trial.dtype == "number":
        made["infinite"] = cast.is_infinite().sum()
        cast = pl.when(cast.is_finite()).then(cast)
    if trial.dtype in {"integer", "number", "timestamp"}:
        made |= {"least": cast.min(), "most": cast.max()}
    if trial.dtype == "timestamp":
        made |= {"early": cast.dt.time().min(), "late": cast.dt.time().max()}
    if not raw.is_nested() and raw not in {pl.Binary, pl.Object}:
        made["distinct"] = cast.approx_n_unique()
    return made


def _facts(trial: Column, counts: dict[str, Any], head: pl.Series, almost: str) -> Facts:
    text = head.dtype == pl.String
    rows, present = int(counts["rows"]), int(counts["present"])
    return Facts(
        name=trial.name,
        dtype=trial.dtype,
        rows=rows,
        missing=rows - present,
        distinct=int(counts.get("distinct", 0)) - (present < rows),
        format=trial.format if text and trial.format not in casts.ISO_FORMATS else "",
        failed=int(counts.get("failed", 0)),
        infinite=int(counts.get("infinite") or 0),
        least=counts.get("least"),
        most=counts.get("most"),
        clock=counts.get("early") != counts.get("late"),
        head=tuple(_known(head.head(200)).head(50)) if text else (),
        nested="distinct" not in counts,
        almost=almost if trial.dtype == "string" else "",
    )


def _listed(table: pl.LazyFrame, schema: pl.Schema, facts: dict[str, Facts]) -> dict[str, Facts]:
    """List the values of the columns that have few, in one pass."""
    few = [item for item in facts.values() if not item.nested and item.distinct <= 1.1 * MOST_CATEGORIES]
    few = [item for item in few if item.dtype != "timestamp"]
    if not few:
        return facts
    lists = table.select(
        casts.cast(pl.col(item.name), schema[item.name], _trial(item.name, item.dtype, item.format))
        .drop_nulls()
        .unique()
        .sort()
        .cast(pl.String)
        .implode()
        .alias(item.name)
        for item in few
    ).collect(engine="streaming")
    complete = dict(facts)
    for item in few:
        values = tuple(lists.get_column(item.name)[0])
        listed = values if len(values) <= MOST_CATEGORIES else None
        complete[item.name] = replace(item, distinct=len(values), values=listed)
    return complete


def looks_like_data(names: Iterable[str]) -> bool:
    """Whether a header holds numbers or repeated values, as a first row of data would."""
    texts = list(names)
    numbers = [text for text in texts if re.fullmatch(r"[+-]?\d+(\.\d+)?(_duplicated_\d+)?", text.strip())]
    return len(numbers) >= max(1, len(texts) // 5)
