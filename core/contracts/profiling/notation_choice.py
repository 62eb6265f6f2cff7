"""The notation of each column, chosen by its own values, by the rest of the table or by the user."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import polars as pl

from headrace.core.base.notes import Note
from headrace.core.contracts.profiling.conventions import WritingConventions
from headrace.core.contracts.profiling.notation_evidence import (
    NotationEvidence,
    count_shapes,
    detect_symbols,
    find_non_numbers,
    gather_evidence,
    groups_are_sure,
    is_bare,
    numbers_of,
    thousands_of,
)
from headrace.core.values.currencies import is_currency
from headrace.core.values.number_notation import OTHER, Decimal, NumberNotation

_LOOKED_AT = 300
_GROUPED = re.compile(r"[+-]?[1-9][0-9]{0,2}\.[0-9]{3}")
_REMEDY = "Give --decimal, or edit the column's format in the contract."


@dataclass(frozen=True)
class NotationChoice:
    """How the numbers of a column are read.

    Attributes:
        name: The column.
        notation: Their notation; None if they are plain numbers, or stay texts.
        whole: Whether all of them are whole numbers.
        notes: Notes for the user.
        text: Whether the column must stay a text.
    """

    name: str
    notation: NumberNotation | None
    whole: bool = False
    notes: tuple[Note, ...] = ()
    text: bool = False

    @property
    def format(self) -> str:
        """The notation as written in a contract; empty for none."""
        return self.notation.example(whole=self.whole) if self.notation else ""

    @property
    def unit(self) -> str:
        """Currency, percent sign or unit; empty for none."""
        return self.notation.symbol if self.notation else ""


def choose_notations(
    table: pl.LazyFrame,
    head: pl.DataFrame,
    *,
    odd: Iterable[str],
    broken: Mapping[str, str],
    plain: Iterable[str],
    conventions: WritingConventions,
) -> list[NotationChoice]:
    """Choose the notation of the columns that may need one.

    Args:
        table: Raw table.
        head: Its first rows.
        odd: Columns of text that are not plain numbers.
        broken: ``integer`` or ``number`` by column of texts, of which all but a few are such numbers.
        plain: Columns of text that are all plain numbers with decimals; they are examined where they, or the rest of
            the table, give reason to doubt the dot.
        conventions: What the user says about the table.

    Returns:
        A choice for each column that needs a notation, or for which the search for one failed.
    """
    odd, plain = list(odd), list(plain)
    texts = {name: head.get_column(name).drop_nulls().head(_LOOKED_AT).to_list() for name in (*odd, *plain)}
    texts |= {name: numbers_of(strange) for name, strange in find_non_numbers(table, broken).items()}
    unusual = [
        evidence for name, sample in texts.items() if name not in plain and (evidence := detect_symbols(name, sample))
    ]
    dot_in_doubt = unusual or conventions.decimal_mark == ","
    more = [name for name in plain if dot_in_doubt or _may_be_groups(texts[name])]
    columns = [*count_shapes(table, unusual), *gather_evidence(table, more)]
    usual = conventions.decimal_mark or _usual(columns)
    chosen = [_choice(column, conventions=conventions, usual=usual, plain=column.name in more) for column in columns]
    return [choice for choice in chosen if choice]


def _may_be_groups(texts: Iterable[str]) -> bool:
    dotted = [text for text in texts if "." in text]
    return bool(dotted) and all(map(_GROUPED.fullmatch, dotted)) and any(text.endswith("0") for text in dotted)


def _usual(columns: Iterable[NotationEvidence]) -> Decimal | None:
    """Return the decimal mark that all columns with proof agree on; None without one."""
    proven = {column.decimal for column in columns} - {None}
    return proven.pop() if len(proven) == 1 else None


def _choice(
    column: NotationEvidence, *, conventions: WritingConventions, usual: Decimal | None, plain: bool
) -> NotationChoice | None:
    if not column["numbers"] or column["zeros"]:
        return None
    if is_bare(column):
        return NotationChoice(column.name, None, notes=(_bare(column),), text=True)
    decimal, doubt = _decimal(column, conventions=conventions, usual=usual)
    if plain and decimal == ".":
        return None
    notation = replace(
        column.notation, decimal=decimal, thousands=conventions.thousands or thousands_of(column, decimal)
    )
    if notation.thousands == decimal:
        notation = replace(notation, thousands="")
    strange = column["dot"] if decimal == "," else column["comma"]
    whole = not strange and not column["commas" if decimal == "," else "dots"]
    needed = column["plain"] < column["numbers"] or (decimal == "," and column["dots"] > 0)
    if not needed:
        return NotationChoice(column.name, None, whole=whole)
    choice = NotationChoice(column.name, notation, whole=whole)
    notes = [doubt] if doubt else []
    if strange:
        notes.append(_mixture_note(column, decimal, strange))
    if conventions.decimal_mark and column.decimal not in {None, conventions.decimal_mark}:
        notes.append(_contradiction_note(column, decimal))
    return replace(choice, notes=(*notes, _choice_note(column, choice)))


def _decimal(
    column: NotationEvidence, *, conventions: WritingConventions, usual: Decimal | None
) -> tuple[Decimal, Note | None]:
    """Return the decimal mark of a column, and a note where it is not certain."""
    if conventions.decimal_mark or column.decimal:
        return conventions.decimal_mark or column.decimal or ".", None
    if not column.ambiguous:
        return usual or ".", None
    mark: Decimal = "," if column["either_comma"] >= column["either_dot"] else "."
    if groups_are_sure(column) or is_currency(column.notation.symbol):  # hardly any amount of money has three decimals
        return OTHER[mark], None
    if usual:
        return usual, _decision_note(column, mark, usual)
    if conventions.country_mark:
        return conventions.country_mark, _decision_note(
            column, mark, conventions.country_mark, why=f"in {conventions.country}"
        )
    return ".", _doubtful(column, mark)


def _reading(mark: str, decimal: str) -> str:
    return f"24{mark}877 is 24.877" if mark == decimal else f"24{mark}877 is 24877"


def _decision_note(
    column: NotationEvidence, mark: str, decimal: str, why: str = "in the table's other columns"
) -> Note:
    sentence = (
        f"The numbers of this column could be read in two ways; as {why}, {decimal!r} is the "
        f"decimal mark, so that {_reading(mark, decimal)}."
    )
    return Note("info", column.name, "ambiguous_numbers", column.ambiguous, sentence, _REMEDY)


def _doubtful(column: NotationEvidence, mark: str) -> Note:
    sentence = (
        f"{column.ambiguous} numbers of this column could be read in two ways, and nothing in the table decides; they "
        f"are read so that {_reading(mark, '.')}."
    )
    return Note("warning", column.name, "ambiguous_numbers", column.ambiguous, sentence, _REMEDY)


def _mixture_note(column: NotationEvidence, decimal: str, strange: int) -> Note:
    other = OTHER[decimal]
    sentence = f"Most numbers of this column have the decimal mark {decimal!r}, and {strange} have {other!r}; "
    if column.ambiguous:
        sentence += f"{column.ambiguous} could be read in two ways and are read by {decimal!r}."
        return Note("warning", column.name, "mixed_notation", strange, sentence, _REMEDY)
    return Note("info", column.name, "mixed_notation", strange, sentence + "each is read in the only way it can be.")


def _contradiction_note(column: NotationEvidence, decimal: str) -> Note:
    sentence = f"By your options the decimal mark is {decimal!r}, but most numbers of this column have the other one."
    return Note("warning", column.name, "mixed_notation", column["numbers"], sentence, _REMEDY)


def _bare(column: NotationEvidence) -> Note:
    symbol, bare_count = column.notation.symbol, column["numbers"] - column["symbols"]
    sentence = (
        f"{bare_count} of {column['numbers']} numbers of this column are written without {symbol}; whether 0.5 means "
        f"0.5 {symbol} or 50 {symbol} is unclear, so the column stays a text."
    )
    remedy = f"Write all of them with {symbol}, or none; or give the column a format in the contract."
    return Note("warning", column.name, "mixed_units", bare_count, sentence, remedy)


def _choice_note(column: NotationEvidence, choice: NotationChoice) -> Note:
    unit = f", in {choice.unit}" if choice.unit else ""
    sentence = f"The numbers of this column are read as written, like {choice.format}{unit}."
    return Note("info", column.name, "notation", column["numbers"], sentence)
