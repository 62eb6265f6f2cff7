"""Finds columns that identify a row, or the subject of several rows, by name and by how often values repeat."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

import polars as pl

from headrace.core.base.errors import quote
from headrace.core.base.notes import Note
from headrace.core.contracts.contract import Column, Contract, Role
from headrace.core.contracts.profiling.column_defaults import is_named_like_id
from headrace.core.contracts.profiling.column_profile import ColumnProfile

FEWEST_ROWS = 20
_FEWEST_GROUPS = 10
_FEWEST_TEXTS = 3
_MOST_ROWS_EACH = 20
_MOST_ROWS_OF_A_BEING = 200
# Entities with several rows: one that the model was trained on must not be in the test part as well.
_BEINGS = (
    "patient|subject|participant|respondent|person|user|customer|client|cust|member|student|pupil|employee|worker|"
    "driver|passenger|tenant|borrower|applicant|donor|voter|player|athlete|animal|cow|household|family|account|device|"
    "machine|sensor|engine|unit|vehicle|kunde|kunden|klient|patienten|proband|probanden|teilnehmer|mitarbeiter|"
    "benutzer|mitglied|mitglieds|usuario|cliente|paciente|empleado|utilisateur|employe|abonne|utente|paziente|klant"
)
_OTHERS = (
    "order|transaction|txn|trans|invoice|session|visit|case|claim|policy|loan|ticket|booking|product|item|article|"
    "store|shop|station|site|record|event|message|document|file|contract|project|property|listing|trip|ride|"
    "flight|batch|lot|sample|specimen|experiment|run|trial|auftrags?|bestell|rechnungs?|vertrags?|artikel"
)
_ID = r"(?:ids?|uuid|guid|identifier|no|nr|num|number|nummer|numero|ref|reference|key|code|hash)"
_OF_A_BEING = re.compile(
    rf"(?:.*_)?(?:{_BEINGS})s?_?{_ID}(?:_.*)?|(?:id|numero|num|no|nr)_(?:de_|del_|du_)?(?:{_BEINGS})|mrn|msisdn|imei|vin"
)
_PERSON = re.compile(r"patient|subject|participant|respondent|proband|teilnehmer|paciente|paziente")
_CLIENT = re.compile(r"customer|client|user|member|kunde|cliente|usuario|klant|student|employee|driver|household")
_OF_ANYTHING = re.compile(
    rf"(?:.*_)?(?:{_OTHERS})s?_?{_ID}|(?:.*_)?(?:id|uuid|guid|identifier|no|nr|nummer|numero|ref|reference)|id_.*|"
    "sku|isbn|ean|upc"
)
_NUMBER = re.compile(r"(?:.*_)?(?:num|number)")
_OF_A_ROW = re.compile(
    r"index|rows?(?:_?(?:id|no|nr|num|number|names?))?|unnamed(?:_.*)?|level_0|_*index_level_\d+_*|column_0|s(?:r|l)?_?no"
)
_CODE = re.compile(
    r"[A-Za-z]{0,8}[-_ /.#]?\d{3,}(?:[-_/.]\d+)*[A-Za-z]?|[0-9a-fA-F]{8}-?(?:[0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}|"
    r"[0-9a-f]{16,}"
)
ANOTHER = "It is different in every row."


def plain_name(name: str) -> str:
    """Return a column's name in lower case, its words separated by underscores."""
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name)
    return re.sub(r"[\W_]+", "_", parted).strip("_").lower()


def names_rows(item: ColumnProfile) -> bool:
    """Check whether a column is named like an identifier."""
    plain = plain_name(item.name)
    patterns = (_OF_ANYTHING, _OF_A_ROW, _NUMBER)
    return _is_subject_id(item) or is_named_like_id(item.name) or any(pattern.fullmatch(plain) for pattern in patterns)


def assign_identity_roles(
    rows: pl.LazyFrame,
    profiles: Mapping[str, ColumnProfile],
    columns: Mapping[str, Column],
    *,
    keys: Iterable[str],
    group: str,
) -> dict[str, Column]:
    """Return the columns, with the roles of those that identify rows or subjects.

    Args:
        rows: Raw table.
        profiles: The profile of each column.
        columns: The suggested columns.
        keys: Columns that are the key already.
        group: The group column that the user chose; empty for none.

    Returns:
        All columns. Those that differ in every row and are named or written like an id get the role ``id``; of those
        whose ids are shared by a few rows each, one gets the role ``group`` and the others ``ignore``.
    """
    assigned = dict(columns)
    candidates = [
        profiles[name] for name, column in columns.items() if name not in keys and _may_be(profiles[name], column)
    ]
    likely = [item for item in candidates if _looks(item)]
    distinct = _count_distinct(rows, [item.name for item in likely])
    groups: list[ColumnProfile] = []
    for item in likely:
        if distinct[item.name] == item.present:
            assigned[item.name] = as_id(assigned[item.name])
        elif _OF_A_ROW.fullmatch(plain_name(item.name)):
            if item.dtype == "integer" and distinct[item.name] >= FEWEST_ROWS:
                assigned[item.name] = as_ignored(assigned[item.name], "It is named like a row number, but repeats.")
        elif _repeats(item, distinct[item.name]):
            groups.append(item)
    if groups:
        free = not group and not any(column.role == "group" for column in assigned.values())
        ordered = sorted(groups, key=lambda item: (not _is_subject_id(item), distinct[item.name]))
        for position, item in enumerate(ordered):
            share = f"Its {distinct[item.name]:,} ids occur in {item.present / distinct[item.name]:.1f} rows each"
            if free and position == 0:
                text = f"{share}: rows of one id stay on one side of the split, and no model learns from it."
                assigned[item.name] = _bare(assigned[item.name], role="group", why=text)
            else:
                assigned[item.name] = as_ignored(assigned[item.name], f"{share}, and it is not the group.")
    return assigned


def _may_be(item: ColumnProfile, column: Column) -> bool:
    return (
        column.role in {"feature", "ignore"}
        and not column.personal
        and item.dtype in {"integer", "string"}
        and not item.nested
        and item.rows >= FEWEST_ROWS
        and item.missing <= 0.1 * item.rows
        and item.distinct >= _FEWEST_GROUPS
    )


def _looks(item: ColumnProfile) -> bool:
    """Check whether a column may identify something: by its name, or by its texts where all seem to be different."""
    return names_rows(item) or (item.unique and item.dtype == "string" and _is_code(item.head))


def _is_code(head: Iterable[str]) -> bool:
    texts = list(head)
    return len(texts) >= _FEWEST_TEXTS and all(map(_CODE.fullmatch, texts))


def _is_subject_id(item: ColumnProfile) -> bool:
    """Check whether a column is named like the id of a subject; a name without a word such as id must hold texts."""
    plain = plain_name(item.name)
    if _OF_A_BEING.fullmatch(plain) or _PERSON.fullmatch(plain):
        return True
    return item.dtype == "string" and bool(_CLIENT.fullmatch(plain))


def _repeats(item: ColumnProfile, distinct: int) -> bool:
    """Check whether each value has so few rows that new values will come."""
    is_being = _is_subject_id(item)
    if not is_being and not _OF_ANYTHING.fullmatch(plain_name(item.name)):
        return False
    most = _MOST_ROWS_OF_A_BEING if is_being else _MOST_ROWS_EACH
    return distinct >= _FEWEST_GROUPS and item.present <= most * distinct and _is_no_amount(item)


def _is_no_amount(item: ColumnProfile) -> bool:
    """Check whether whole numbers may be ids: few small ones, such as a number of children, are counts."""
    return item.dtype == "string" or (
        not (item.least is not None and item.least < 0) and (item.most is not None and item.most >= _FEWEST_GROUPS)
    )


def _count_distinct(rows: pl.LazyFrame, names: list[str]) -> dict[str, int]:
    """Return the number of different values in some columns, without missing ones."""
    if not names:
        return {}
    distinct = rows.select(pl.col(name).drop_nulls().n_unique().alias(name) for name in names)
    return dict(distinct.collect(engine="streaming").row(0, named=True))


def as_id(column: Column) -> Column:
    """Return the column as an id, without bounds and categories."""
    return _bare(column, role="id", why=ANOTHER)


def as_ignored(column: Column, why: str) -> Column:
    """Return the column as ignored, with the reason."""
    return _bare(column, role="ignore", why=why)


def _bare(column: Column, *, role: Role, why: str) -> Column:
    return replace(column, role=role, description=why, categories=None, minimum=None, maximum=None, unseen="refuse")


def identity_notes(contract: Contract, *, group: str, ids: Iterable[str]) -> list[Note]:
    """Return notes on the columns that are used as ids or as the group without being named by the user.

    Args:
        contract: The contract.
        group: The group column that the user chose.
        ids: The id columns that the user chose.
    """
    notes = []
    for column in contract.columns:
        if column.role == "group" and column.name != group:
            sentence = f"The column {quote(column.name)} is used as the group. {column.description}"
            remedy = "Name another with --group-column, or give it another role in the contract."
            notes.append(Note("warning", column.name, "group", 0, sentence, remedy))
        if column.role == "id" and column.name not in ids:
            sentence = f"The column {quote(column.name)} is used as an id, which no model learns from."
            notes.append(Note("info", column.name, "id", 0, sentence, "Give it the role feature, if it is not an id."))
    return notes
