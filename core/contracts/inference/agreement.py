"""What a person says of a table held against it: names that must be there, a contract that must fit."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from headrace.core.base.errors import InputError, quote
from headrace.core.contracts.profiling.column_profile import looks_like_data

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headrace.core.contracts.contract import Contract


@dataclass(frozen=True)
class ContractHints:
    """What a user says of a table beside its target.

    Attributes:
        task: ``binary``, ``multiclass`` or ``regression``; empty to infer it.
        time_column: Timestamp by which the table is split.
        id_columns: Columns that identify a row.
        group_column: Column whose equal values stay on one side of the split.
        drop: Columns that are personal or unwanted and are left out.
        hash: Columns that are personal and are hashed.
        positive: The positive class of a binary task.
        country: ISO 3166 code of the country whose public holidays matter, and whose habits of notation.
        decimal: The decimal mark of texts, ``.`` or ``,``; empty to find out.
        thousands: The mark between groups of three digits; empty to find out.
    """

    task: str = ""
    time_column: str = ""
    id_columns: tuple[str, ...] = ()
    group_column: str = ""
    drop: tuple[str, ...] = ()
    hash: tuple[str, ...] = ()
    positive: str = ""
    country: str = ""
    decimal: str = ""
    thousands: str = ""


def require_name(wanted: str, names: Sequence[str], *, what: str) -> None:
    """Refuse the name of a column that the table does not have.

    Raises:
        InputError: If it does not; the message lists near names, or tells of a missing header.
    """
    if wanted in names:
        return
    near = difflib.get_close_matches(wanted.lower(), [name.lower() for name in names], n=3)
    meant = [name for name in names if name.lower() in near]
    if looks_like_data(names):
        remedy = (
            f"its first line, {quote(list(names[:4]))}, looks like data, so the table seems to have no header: "
            "give the names of its columns and say that it has no header"
        )
    elif meant:
        remedy = f"did you mean {' or '.join(quote(name) for name in meant)}?"
    else:
        more = f" and {len(names) - 8} more" if len(names) > 8 else ""
        remedy = f"its columns are {', '.join(quote(name) for name in names[:8])}{more}"
    raise InputError(
        f"the {what} must be a column of the table; there is no {quote(wanted)}; {remedy.rstrip('?')}"
        + ("?" if remedy.endswith("?") else ".")
    )


def check_agreement(contract: Contract, names: Sequence[str], *, target: str, wishes: ContractHints) -> Contract:
    """A person's contract, if it fits the table and the user's other wishes.

    Args:
        contract: The contract.
        names: Columns of the table.
        target: Column that the user wants to predict; empty to take the contract's.
        wishes: What else the user says.

    Raises:
        InputError: If a column of the contract is absent from the table, or a wish contradicts the contract.
    """
    for column in contract.kept:
        require_name(column.name, names, what=f"column {quote(column.name)} of the contract")
    known = {column.name: column for column in contract.columns}
    said = [
        ("target", target, contract.target.name),
        ("task", wishes.task, contract.task),
        ("time column", wishes.time_column, contract.time_column),
        ("positive class", wishes.positive, contract.positive),
        ("group column", wishes.group_column, next((c.name for c in contract.columns if c.role == "group"), "")),
    ]
    said += [(f"role of {quote(name)}", "id", known[name].role if name in known else "") for name in wishes.id_columns]
    for what, choices in (("drop", wishes.drop), ("hash", wishes.hash)):
        for name in choices:
            if not (what == "drop" and name not in known):
                said.append(
                    (f"personal treatment of {quote(name)}", what, known[name].personal if name in known else "")
                )
    for what, wish, there in said:
        if wish and wish != there:
            raise InputError(
                f"the {what} must be the contract's, {quote(there) if there else 'which names none'}; got "
                f"{quote(wish)} instead; mend the contract or leave the option out."
            )
    return contract
