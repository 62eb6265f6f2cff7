"""CSV as spreadsheets, R, SQL shells and devices write it: one table, whatever stands around it."""

import csv
import io
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.core.base.errors import UserError
from headrace.core.readers.ingest import ingest_table
from headrace.core.tables.parquet_table import read
from headrace.core.tables.source import ReadOptions
from tests.core.readers.test_ingest import source

NAMES = ["day", "amount", "rate", "late"]
ROWS = [
    ("2024-11-13", "25150.56", "0.1283", "no"),
    ("2024-04-16", "25557.73", "0.1258", "yes"),
    ("2024-03-26", "34693.51", None, "no"),
    ("2024-06-09", "30344.57", "0.0459", "yes"),
    ("2023-03-04", "41671.46", "0.0257", "yes"),
]
HEAD = ",".join(NAMES)
LINES = [",".join(cell or "" for cell in row) for row in ROWS]
BODY = "\n".join(LINES) + "\n"
PLAIN = f"{HEAD}\n{BODY}"


def numbered(head: str, lines: list[str] = LINES, *, start: int = 0) -> str:
    """The table with the numbers of its rows before them."""
    return head + "\n" + "".join(f"{place},{line}\n" for place, line in enumerate(lines, start))


def after(text: str) -> str:
    """Something behind each line."""
    return "".join(f"{line}{text}\n" for line in PLAIN.splitlines())


def psql() -> str:
    """The table as PostgreSQL's shell prints it."""
    lines = [" | ".join(NAMES), "-----------+----------+------+------"]
    return "\n".join([*lines, *(" | ".join(cell or "" for cell in row) for row in ROWS), "(5 rows)", ""])


def mysql() -> str:
    """The table as MySQL's shell prints it."""
    border = "+------------+----------+--------+------+"
    rows = ["| " + " | ".join(cell or "    " for cell in row) + " |" for row in ROWS]
    return (
        "\n".join([border, "| " + " | ".join(NAMES) + " |", border, *rows, border, "5 rows in set (0.00 sec)"]) + "\n"
    )


# What the file holds, and the rules of the notes that are told of it.
FORMS: dict[str, tuple[str, set[str]]] = {
    "plain": (PLAIN, set()),
    "pandas' index": (numbered(f",{HEAD}"), {"index_column"}),
    "an index from 1": (numbered(f",{HEAD}", start=1), {"index_column"}),
    "a quoted index, as R's write.csv": (
        f'"",{HEAD}\n' + "".join(f'"{n}",{line}\n' for n, line in enumerate(LINES, 1)),
        {"index_column"},
    ),
    "one name too few, as R's write.table": (numbered(HEAD, start=1), {"index_column"}),
    "one name too few and blanks between, as R's write.table": (
        " ".join(f'"{name}"' for name in NAMES)
        + "\n"
        + "".join(f'"{n}" {line.replace(",", " ").replace("  ", " NA ")}\n' for n, line in enumerate(LINES, 1)),
        {"index_column"},
    ),
    "delimiters at line ends": (after(","), set()),
    "three delimiters at line ends": (after(",,,"), set()),
    "delimiters at the ends of rows only": (HEAD + "\n" + "".join(f"{line},\n" for line in LINES), set()),
    "a delimiter at the end of the header only": (f"{HEAD},\n{BODY}", set()),
    "more delimiters at the end of one row": (PLAIN.replace("0.1258,yes", "0.1258,yes,,"), {"empty_fields"}),
    "the delimiter named": (f"sep=,\n{PLAIN}", set()),
    "another delimiter named": ("sep=;\n" + PLAIN.replace(",", ";"), set()),
    "an unusual delimiter named": ("sep=^\n" + PLAIN.replace(",", "^"), set()),
    "the delimiter named in quotes": ('"sep=;"\n' + PLAIN.replace(",", ";"), set()),
    "a tab named": ("sep=\\t\n" + PLAIN.replace(",", "\t"), set()),
    "a comment": (f"# exported 2025-01-02\n{PLAIN}", {"comment_lines"}),
    "comments that hold delimiters": (f"# a, b, c, d\n#, x\n\n{PLAIN}", {"comment_lines"}),
    "percent signs": (f"% exported\n% by hand\n{PLAIN}", {"comment_lines"}),
    "comments among the rows": (f"# x\n{HEAD}\n{LINES[0]}\n# recalibrated\n" + "\n".join(LINES[1:]), {"comment_lines"}),
    "a row that is commented out": (f"# x\n{HEAD}\n#{LINES[2]}\n{BODY}", {"comment_lines"}),
    "NumPy's header": (f"# {HEAD}\n{BODY}", set()),
    "comments and NumPy's header": (f"# made by hand\n# {HEAD}\n{BODY}", {"comment_lines"}),
    "a title": (f"Report: loans\n{PLAIN}", {"lines_before_header"}),
    "titles and a blank line": (f"Report: loans\nCreated: 2025-01-02\n\n{PLAIN}", {"lines_before_header"}),
    "a title with semicolons": ("Loans\n\n" + PLAIN.replace(",", ";"), {"lines_before_header"}),
    "a title padded with delimiters": (f"Loans:,,,\nCreated:,2025-01-02,,\n,,,\n{PLAIN}", {"lines_before_header"}),
    "a title with two fields": (f"Report,loans\nCreated,2025-01-02\n\n{PLAIN}", {"lines_before_header"}),
    "a title over an index": ("Loans\n" + numbered(f",{HEAD}"), {"lines_before_header", "index_column"}),
    "many lines of a device": (
        "".join(f"Channel {n}: volts\n" for n in range(40)) + "\n" + PLAIN,
        {"lines_before_header"},
    ),
    "a comment and a title": (f"# v2\nLoans 2024\n{PLAIN}", {"comment_lines", "lines_before_header"}),
    "units": (f"{HEAD}\n,EUR,%,\n{BODY}", {"units_row"}),
    "units in brackets": (f"{HEAD}\n[d],[EUR],[1],[-]\n{BODY}", {"units_row"}),
    "dashes": (f"{HEAD}\n----------,------,----,----\n{BODY}", set()),
    "PostgreSQL's shell": (psql(), {"lines_after_data"}),
    "MySQL's shell": (mysql(), {"lines_after_data"}),
    "Markdown": (
        f"| {' | '.join(NAMES)} |\n|---|--:|---|---|\n" + "".join(f"| {x.replace(',', ' | ')} |\n" for x in LINES),
        set(),
    ),
    "totals": (f"{PLAIN}Total,157417.83,,\n", {"lines_after_data"}),
    "totals in the second column": (f"{PLAIN},Total:,,\n", {"lines_after_data"}),
    "a sum in another language": (f"{PLAIN}Summe,157417.83,,\n", {"lines_after_data"}),
    "a mean": (f"{PLAIN}Average,31483.57,0.05,\n", {"lines_after_data"}),
    "a short line of totals": (f"{PLAIN}Total,157417.83\n", {"lines_after_data"}),
    "a source": (f"{PLAIN}\nSource: ledger of 2025\n", {"lines_after_data"}),
    "a source padded": (f"{PLAIN},,,\nSource: ledger of 2025,,,\n", {"lines_after_data"}),
    "how many rows": (f"{PLAIN}\n(5 rows affected)\n", {"lines_after_data"}),
    "how many rows, as Oracle": (f"{PLAIN}\n5 rows selected.\n", {"lines_after_data"}),
    "totals, a blank line and notes": (
        f"{PLAIN}Total,157417.83,,\n\n* preliminary\nPrinted by anna, on monday\n",
        {"lines_after_data"},
    ),
    "a header again": (f"{HEAD}\n{LINES[0]}\n{HEAD}\n" + "\n".join(LINES[1:]), {"repeated_header"}),
    "everything": (
        "sep=;\nLoans;;;;\n;;;;\n"
        + numbered(f",{HEAD}").replace(",", ";").replace("late\n", "late\n;;EUR;%;\n")
        + ";Total;157417.83;;\n\nSource: ledger\n",
        {"lines_before_header", "index_column", "units_row", "lines_after_data"},
    ),
}  # fmt: skip


def told(tmp_path: Path, text: str, **options: Any) -> tuple[list[str], list[tuple[Any, ...]], set[str]]:
    """Names, rows and the rules of the notes of a file that holds a text."""
    path = tmp_path / "t.csv"
    path.write_text(text, encoding="utf-8", newline="")
    block_bytes = options.pop("block_bytes", 2**20)
    facts = ingest_table(
        source(path), folder=tmp_path / "table", options=ReadOptions(**options), block_bytes=block_bytes
    )
    frame = read(tmp_path / "table")
    return frame.columns, frame.rows(), {note["rule"] for note in facts.get("notes", [])}


@pytest.mark.parametrize("form", FORMS)
def test_one_table_whatever_stands_around_it(tmp_path: Path, form: str) -> None:
    """The same names and rows come out of each form, and what was left out is told."""
    text, rules = FORMS[form]
    assert told(tmp_path, text) == (NAMES, ROWS, rules)


@pytest.mark.parametrize("form", FORMS)
def test_blocks_of_any_size_hold_the_same_table(tmp_path: Path, form: str) -> None:
    """A table of many rows, read in small blocks, begins and ends as one that is read at once."""
    text, rules = FORMS[form]
    many = max(text.split("\n"), key=lambda line: line.count("34693.51"))
    text = text.replace(many, "\n".join([many] * 400)) if "index_column" not in rules else text
    whole = told(tmp_path, text)
    assert told(tmp_path, text, block_bytes=1_000) == whole
    assert whole[0] == NAMES


@pytest.mark.parametrize(
    ("text", "options", "names", "rows"),
    [
        ("no,x\nday,late\n1,2\n3,4\n", {"skip_lines": 1}, ["day", "late"], [("1", "2"), ("3", "4")]),
        ("no,x\n5,6\n1,2\n", {"skip_lines": 2, "header": False}, ["column_1", "column_2"], [("1", "2")]),
        ("Title\na,b,c\n1,2,3\n", {"skip_lines": 0, "delimiter": ","}, None, None),
        ("a,b\n1,2\n// x\n3,4\n", {"comment": "//"}, ["a", "b"], [("1", "2"), ("3", "4")]),
        ("a,b\n#1,2\n3,4\n", {"comment": "#"}, ["a", "b"], [("3", "4")]),
        ('a,b\n"#1",2\n3,4\n', {}, ["a", "b"], [("#1", "2"), ("3", "4")]),
        ("#chrom,start\nc1,2\nc2,4\n", {}, ["#chrom", "start"], [("c1", "2"), ("c2", "4")]),
        ("#1,#2\n#3,#4\n", {}, ["#1", "#2"], [("#3", "#4")]),
        ("a,b,\n1,2,x\n3,4,y\n", {}, ["a", "b", "column_3"], [("1", "2", "x"), ("3", "4", "y")]),
        (",a\n7,1\n3,2\n", {}, ["index", "a"], [("7", "1"), ("3", "2")]),
        (",index\n7,1\n3,2\n", {}, ["column_1", "index"], [("7", "1"), ("3", "2")]),
        (",,a\nx,1,5\ny,1,6\n", {}, ["index", "column_2", "a"], [("x", "1", "5"), ("y", "1", "6")]),
        ("a,y\nTotal,no\nShell,yes\nTotal,\n", {}, ["a", "y"], [("Total", "no"), ("Shell", "yes"), ("Total", None)]),
        ("a,b\nlow,high\nlow,low\n", {}, ["a", "b"], [("low", "high"), ("low", "low")]),
        ("a,b\nNA,no\n1,yes\n2,no\n", {}, ["a", "b"], [(None, "no"), ("1", "yes"), ("2", "no")]),
        ("a,b\nunknown,no\n1,yes\n2,no\n", {}, ["a", "b"], [("unknown", "no"), ("1", "yes"), ("2", "no")]),
        ("text\nhow are you\nfine: thanks\n", {}, ["text"], [("how are you",), ("fine: thanks",)]),
    ],
)  # fmt: skip
def test_what_is_meant_is_read(
    tmp_path: Path, text: str, options: dict[str, Any], names: list[str] | None, rows: list[tuple[Any, ...]]
) -> None:
    """Options decide, marks inside values do not count, and rows that only resemble titles or totals stay rows."""
    if names is None:
        with pytest.raises(UserError, match="has 3 fields where 1 are expected"):
            told(tmp_path, text, **options)
        return
    assert told(tmp_path, text, **options)[:2] == (names, rows)


@pytest.mark.parametrize(
    ("text", "names", "wanted"),
    [
        (numbered(f",{HEAD}"), ["no", *NAMES], 5),
        (numbered(f",{HEAD}"), NAMES, 4),
        (PLAIN, ["a", "b", "c", "d"], 4),
        (BODY, NAMES, 4),
        ("x,y\nb,u\nc,v\n", ["p", "q"], 2),
    ],
)
def test_given_names_take_the_place_of_a_header(tmp_path: Path, text: str, names: list[str], wanted: int) -> None:
    """The header is no row where the user names the columns; a first row that is data stays one."""
    found, rows, _ = told(tmp_path, text, column_names=names)
    assert found == names
    assert [row[-4:] for row in rows] == (ROWS if "day" in names or "a" in names else [("b", "u"), ("c", "v")])
    assert len(found) == wanted


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b,c\n1,2,3\n4,5\n", r"line 3 of t\.csv has 2 fields where 3"),
        ("day,b,c\n2024-01-01,2,3\n2024-01-02,3,4\n2024-01", r"line 4 of t\.csv has 1 fields where 3"),
        ("name,b,c\nAnna,2,3\nBert,3,4\nCarl", r"line 4 of t\.csv has 1 fields where 3"),
        ("a,b\n1,2\n# x\n# y,z,u\n", r"line 3 of t\.csv has 1 fields"),
        ("a,b,\n" + "1,2,\n" * 60_000 + "1,2,x\n", r"column 3 of t\.csv has no name .* holds 'x'"),
        ("# t\na,b\n1,2\n3,4,5\n", r"line 4 of t\.csv has 3 fields"),
        ("Title: x\n\na,b\n1,2\n3,4,5\n3,4\n3,4\n", r"line 5 of t\.csv has 3 fields"),
    ],
)
def test_a_broken_row_is_still_refused(tmp_path: Path, text: str, message: str) -> None:
    """A row that was cut off is no remark, and the number of a bad line counts what stands above the table."""
    with pytest.raises(UserError, match=message):
        told(tmp_path, text)


CELL = st.one_of(
    st.integers(-999, 9999).map(str),
    st.floats(0, 1e6).map(lambda value: f"{value:.2f}"),
    st.sampled_from(["red", "blue", "a b", "x,y", 'say "x"', "12 kg", "€ 5", "Total energy"]),
)


@given(data=st.data(), seed=st.integers(0, 10**6))
@settings(deadline=None, max_examples=120)
def test_a_random_table_with_random_lines_around_it_comes_back(
    tmp_path_factory: Any, data: st.DataObject, seed: int
) -> None:
    """Titles, comments, an index, units, delimiters at line ends, totals and remarks change no name and no value."""
    draw = random.Random(seed)  # noqa: S311 - test data
    width, height = draw.randint(2, 5), draw.randint(3, 12)
    names = [f"{draw.choice(['amount', 'city', 'state', 'day'])} {place}" for place in range(width)]
    numeric = [draw.random() < 0.5 for _ in range(width)]
    numeric[draw.randrange(width)] = True
    rows = [[f"{draw.uniform(0, 1000):.2f}" if kind else data.draw(CELL) for kind in numeric] for _ in range(height)]
    heads, lines = list(names), [list(row) for row in rows]
    if draw.random() < 0.3:
        heads, lines = ["", *heads], [[str(place), *row] for place, row in enumerate(lines)]
    above = [["Report of " + draw.choice(["loans", "trips"])]] * draw.choice([0, 0, 1, 2])
    below: list[list[str]] = []
    if draw.random() < 0.3:
        below = [["Total"] + [""] * (len(heads) - 1)] if len(heads) > 1 else []
    if draw.random() < 0.3:
        below += [[], ["Source: ledger"]]
    if draw.random() < 0.3:
        lines = [[*line, ""] for line in lines]
        heads = [*heads, ""] if draw.random() < 0.5 else heads
    delimiter = draw.choice([",", ";", "\t", "|"])
    out = io.StringIO()
    if draw.random() < 0.3:
        out.write("# exported by hand\n")
    writer = csv.writer(out, delimiter=delimiter, lineterminator=draw.choice(["\n", "\r\n"]))
    writer.writerows([*above, heads, *lines, *below])
    found, read_rows, _ = told(tmp_path_factory.mktemp("t"), out.getvalue(), block_bytes=draw.choice([50, 2**20]))
    assert found == names
    assert [list(row) for row in read_rows] == rows
