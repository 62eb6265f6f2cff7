"""What a cell or a row of a CSV looks like: a value, a unit, a line of dashes, a remark, a total."""

import re
from collections.abc import Sequence

Row = Sequence[str]

_MONTH = r"(?i:jan|feb|m[aä]r|apr|may|mai|jun|jul|aug|sep|oct|okt|nov|dec|dez)[a-z]*\.?[ -]\d"
_VALUE = re.compile(
    r"[-+\N{MINUS SIGN}(<>~≈]*\s*(?:[A-Z]{2,3}|[^\w\s(\[{\"'/*#%-]{1,2})?\s?[-+\N{MINUS SIGN}.,]?\d(?![a-z]{3}).*|"
    rf"[A-Za-z]{{3}}, \d.*|{_MONTH}.*",
    re.DOTALL,
)
# Units begin with a letter, so `m2` and `CO2` are not values.
_LETTERS_FIRST = re.compile(r"[A-Za-z]{1,3}\d")
_DASHES = re.compile(r"[-=+_:|·.~*─━═┼│ ]*(?:---|===|___|─|━|═|:-|-:|--)[-=+_:|·.~*─━═┼│ ]*")
_BRACKETED = re.compile(r"[(\[{<].{0,24}[)\]}>]")
_UNIT = re.compile(r"[^\d\s][^\s]{0,11}(?:[ /·*^-][^\s]{1,8}){0,2}|%|-|")
_TOTAL = re.compile(
    r"(?:grand |sub|running )?-?(?:totals?|sums?|average|avg\.?|mean|median)(?: ?\(.*\)| of .*)?|"
    r"(?:gesamt|summe|insgesamt|gesamtsumme|zwischensumme|mittelwert|durchschnitt|total g[ée]n[ée]ral|somme|moyenne|"
    r"suma(?: total)?|promedio|media|totale|somma|total geral|soma|totaal|gemiddelde|totalt|razem|celkem|итого|всего|"
    r"合計|合计|总计|總計|小计)",
    re.IGNORECASE,
)
_AVERAGE = re.compile(r"average|avg|mean|median|mittel|durchschnitt|moyenne|promedio|media|gemiddelde", re.IGNORECASE)
_COUNTED = re.compile(
    r"\(?\s*\d[\d.,' ]*\s*(?:rows?|row\(s\)|records?|lines?|entries|results?|tuples?|zeilen?|lignes?|filas?|righe|"
    r"linhas?|rijen)\b.*|.*\brows? (?:selected|affected|returned|in set)\b.*|"
    r"(?:rows?|records?|number of (?:rows|records)|count|n)\s*[:=]\s*\d+.*",
    re.IGNORECASE | re.DOTALL,
)
_NOTE = re.compile(
    r"(?:source|quelle|fuente|fonte|bron|notes?|note|anmerkung(?:en)?|hinweis|remarks?|legend|footnotes?|disclaimer|"
    r"generated|created|exported|erstellt|export|downloaded|printed|report|end of|ende|fin\b|fine\b|copyright|©|"
    r"\(c\)|last updated|as of|stand|time(?:stamp)?:|elapsed|query|\*+|†|‡|¹|²|\d\))",
    re.IGNORECASE,
)
_ENDS = {"end", "eof", "<eof>", "end of file", "ende", "fin", "fine", "[eof]", "--end--", "***"}


def is_value(text: str) -> bool:
    """Check whether a cell looks like a number, an amount, a date or a time, in any notation."""
    plain = text.strip()
    return bool(plain) and bool(_VALUE.fullmatch(plain)) and not _LETTERS_FIRST.match(plain)


def is_rule(row: Row) -> bool:
    """Check whether a row is a line of dashes, as SQL shells and Markdown write one below the header."""
    cells = [cell.strip() for cell in row if cell.strip()]
    return (
        bool(cells)
        and all(_DASHES.fullmatch(cell) or set(cell) <= set("-=+_|:") for cell in cells)
        and (any(len(cell) >= 2 for cell in cells))
    )


def value_columns(rows: Sequence[Row], *, width: int) -> list[int]:
    """Return the positions of columns whose cells nearly all look like values.

    Args:
        rows: Rows (n) of the table's width.
        width: Number of fields of a row.
    """
    columns = []
    for position in range(width):
        cells = [row[position].strip() for row in rows if position < len(row)]
        present = [cell for cell in cells if _is_there(cell)]
        if present and sum(map(is_value, present)) >= 0.8 * len(present):
            columns.append(position)
    return columns


def _is_there(cell: str) -> bool:
    return bool(cell) and not re.fullmatch(r"(?:#?n/?a|nan|null|none|<na>|[-.?]|\\n)", cell, re.IGNORECASE)


def is_data(row: Row, *, values: Sequence[int]) -> bool:
    """Check whether a row looks like the rows below it rather than like their header.

    Args:
        row: The row.
        values: Positions of the columns whose cells look like values in the rows below.
    """
    cells = [row[position].strip() for position in values if position < len(row)]
    present = [cell for cell in cells if _is_there(cell)]
    return bool(present) and 2 * sum(map(is_value, present)) >= len(present)


def is_units(row: Row, *, below: Sequence[Row], values: Sequence[int]) -> bool:
    """Check whether a row below the header names units.

    Args:
        row: The row.
        below: The rows below it, of its width.
        values: Positions of the columns whose cells look like values in those rows.

    Returns:
        True if no cell above numbers is a number, at least one of them is a short or bracketed word, and the cells
        above texts are empty, bracketed or different from all texts below.
    """
    cells = [cell.strip() for cell in row]
    if not values or not below or len(below) < 2:
        return False
    cells_above_values = [cells[position] for position in values]
    unit_cells = [cell for cell in cells_above_values if cell and cell != "-"]
    if (
        not unit_cells
        or any(is_value(cell) for cell in cells_above_values)
        or not all(_is_unit(cell) for cell in unit_cells)
    ):
        return False
    if not any(_is_there(cell) for cell in unit_cells):
        return False
    if len(values) == 1 and not (_BRACKETED.fullmatch(unit_cells[0]) or len(unit_cells[0]) <= 5):
        return False
    others = [position for position in range(len(cells)) if position not in values and cells[position] not in {"", "-"}]
    texts_below = {position: {line[position].strip() for line in below if position < len(line)} for position in others}
    return all(
        _BRACKETED.fullmatch(cells[position]) or cells[position] not in texts_below[position] for position in others
    )


def _is_unit(cell: str) -> bool:
    return bool(_BRACKETED.fullmatch(cell) or _UNIT.fullmatch(cell))


def unit(cell: str) -> str:
    """Return the unit that a cell names, without brackets; empty if it names none."""
    plain = cell.strip()
    if _BRACKETED.fullmatch(plain):
        plain = plain[1:-1].strip()
    return "" if plain in {"-", "--", "1", "#"} else plain


def is_total(row: Row, *, above: Sequence[Row]) -> bool:
    """Check whether a last row holds totals or averages of the rows above it.

    Args:
        row: The row.
        above: Rows above it.

    Returns:
        True if one of its first two cells is a word for a total that no row above has there, the other cells are
        values or empty, and a total is not below all values of its column.
    """
    cells = [cell.strip() for cell in row]
    position = next((position for position, cell in enumerate(cells[:2]) if cell), None)
    if position is None or not _TOTAL.fullmatch(cells[position].rstrip(": ")):
        return False
    others_filled = [(number, cell) for number, cell in enumerate(cells) if cell and number != position]
    above_texts = [line[position].strip() for line in above if position < len(line)]
    if (
        cells[position] in above_texts
        or len(others_filled) + 1 >= len(cells)
        or not all(is_value(cell) for _, cell in others_filled)
    ):
        return False
    if _AVERAGE.search(cells[position]):
        return True
    pairs = [
        (_number(cell), [_number(line[number]) for line in above if number < len(line)])
        for number, cell in others_filled
    ]
    comparable = [
        (total, [value for value in values if value is not None]) for total, values in pairs if total is not None
    ]
    return not comparable or any(abs(total) >= max(map(abs, values), default=0.0) for total, values in comparable)


def _number(text: str) -> float | None:
    try:
        return float(text.strip())
    except ValueError:
        return None


def is_note(row: Row, *, width: int, apart: bool) -> bool:
    """Check whether a last row is a remark, such as a source or a number of rows, and not a truncated row.

    Args:
        row: The row.
        width: Fields of the table's rows; at least two.
        apart: Whether a blank line separates it from the rows, so that it need not look like a remark.
    """
    cells = [cell.strip() for cell in row]
    filled = [cell for cell in cells if cell]
    if not filled or width < 2:
        return False
    first = filled[0]
    is_remark = bool(_COUNTED.fullmatch(first) or _NOTE.match(first) or first.lower() in _ENDS or is_rule(row))
    if len(cells) == width:
        return (
            len(filled) == 1
            and cells[0] == first
            and width > 2
            and is_remark
            and (":" in first or " " in first or apart)
        )
    if len(filled) < width and is_remark:
        return True
    if len(filled) > 1:
        return False
    has_words = any(letter.isalpha() for letter in first) and not is_value(first)
    return has_words and (apart or ":" in first or first.count(" ") >= 2 or bool(_TOTAL.fullmatch(first.rstrip(": "))))


def without_tail(rows: list[Row], *, width: int) -> list[Row]:
    """Return the rows without apparent totals and remarks at the end; for detection only, so it errs on removal.

    Args:
        rows: The rows.
        width: Fields of the table's rows.
    """
    end = len(rows)
    while end > 1 and width > 1:
        row = [*rows[end - 1], *[""] * (width - len(rows[end - 1]))]
        above = [line for line in rows[: end - 1] if len(line) == width]
        if not (is_note(rows[end - 1], width=width, apart=True) or is_total(row, above=above)):
            break
        end -= 1
    return rows[:end]
