"""The profile of a table as a page."""

from collections import Counter
from importlib.metadata import version
from pathlib import Path

from headrace.core.base.files import write_text
from headrace.core.contracts import contract_yaml
from headrace.core.tables import parquet_table
from headrace.reports.base.table_facts import TableFacts
from headrace.reports.page.page import render as fill
from headrace.reports.profile.table import explore

OTHERS = 200


def render(table: TableFacts, *, title: str) -> str:
    """Render the page.

    Args:
        table: The profile.
        title: Its name.

    Returns:
        A self-contained HTML page below 1.5 MB.
    """
    sections = [
        ("overview", "Overview"),
        ("columns", "Columns"),
        ("missing", "Missing values"),
        ("associations", "Associations"),
    ]
    if table.others:
        sections.append(("others", "Further columns"))
    return fill(
        "profile.html",
        table=table,
        title=title,
        sections=sections,
        kinds=_kinds(table),
        missing=_missing(table),
        step=-(-table.rows // max(1, table.sampled)),
        gaps=sorted((c for c in table.columns if c.missing), key=lambda c: -c.missing),
        limit=OTHERS,
        version=version("headrace"),
    )


def _kinds(table: TableFacts) -> str:
    dtypes = [c.dtype for c in table.columns] + [other[1] for other in table.others]
    return ", ".join(f"{n:,} {dtype}" for dtype, n in Counter(dtypes).most_common())


def _missing(table: TableFacts) -> float:
    gaps = sum(c.missing for c in table.columns) + sum(other[3] for other in table.others)
    return gaps / max(1, table.rows * (len(table.columns) + len(table.others)))


def profile_table(folder: str, *, contract: str, page: str) -> TableFacts:
    """Write the profile of a table artifact.

    Args:
        folder: The table.
        contract: Path of its contract.
        page: Path of the HTML page to write.

    Returns:
        The profile that the page shows.

    Raises:
        MissingError: If the table or the contract does not exist.
    """
    table_contract = contract_yaml.load(contract)
    table = explore(parquet_table.scan(Path(folder)), contract=table_contract)
    write_text(Path(page), render(table, title=table_contract.name))
    return table
