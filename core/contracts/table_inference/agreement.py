"""Checks of a user's contract and hints against a table: named columns must exist, hints must match the contract."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from headrace.core.base.errors import InputError, quote
from headrace.core.contracts.profiling.column_profile import looks_like_data

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headrace.core.contracts.contract import Contract


@dataclass(frozen=True)
class ContractHints:
    """What a user specifies for a table besides its target.

    Attributes:
        task: ``binary``, ``multiclass``, ``regression`` or ``anomaly``; empty to infer one of the first three.
        time_column: Timestamp that the table is split by.
        id_columns: Columns that identify a row.
        group_column: Column whose equal values stay on one side of the split.
        drop_columns: Columns to leave out, personal or not needed.
        hash_columns: Personal columns to hash.
        positive: The positive class of a binary task.
        country: ISO 3166 code of the country whose public holidays and number notation apply.
        decimal: The decimal mark of texts, ``.`` or ``,``; empty to infer it.
        thousands: The mark between groups of three digits; empty to infer it.
        objective: What a regression predicts: ``mean``, ``quantile`` or ``count``; empty for the mean.
        quantile: Share of the actual values below the prediction, for a quantile; 0 for the median.
        intervals: Share of the actual values that the intervals of answers hold; 0 for answers without.
        class_weights: ``balanced``; empty for equal weights.
    """

    task: str = ""
    time_column: str = ""
    id_columns: tuple[str, ...] = ()
    group_column: str = ""
    drop_columns: tuple[str, ...] = ()
    hash_columns: tuple[str, ...] = ()
    positive: str = ""
    country: str = ""
    decimal: str = ""
    thousands: str = ""
    objective: str = ""
    quantile: float = 0.0
    intervals: float = 0.0
    class_weights: str = ""

    @property
    def aims(self) -> dict[str, Any]:
        """What is asked of the model beyond its task, by the name of the contract's key."""
        named = ("objective", "quantile", "intervals", "class_weights")
        return {name: getattr(self, name) for name in named if getattr(self, name)}

    @property
    def wants_number(self) -> bool:
        """Whether something is asked that only a regression can do."""
        return bool(self.objective or self.quantile or self.intervals)


def require_name(name: str, names: Sequence[str], *, what: str) -> None:
    """Raise if the table has no column of this name.

    Raises:
        InputError: If there is no such column; the message lists similar names, or says that the header is missing.
    """
    if name in names:
        return
    similar = difflib.get_close_matches(name.lower(), [name.lower() for name in names], n=3)
    suggestions = [name for name in names if name.lower() in similar]
    if looks_like_data(names):
        remedy = (
            f"its first line, {quote(list(names[:4]))}, looks like data, so the table seems to have no header: "
            "give the names of its columns and say that it has no header"
        )
    elif suggestions:
        remedy = f"did you mean {' or '.join(quote(name) for name in suggestions)}?"
    else:
        more = f" and {len(names) - 8} more" if len(names) > 8 else ""
        remedy = f"its columns are {', '.join(quote(name) for name in names[:8])}{more}"
    raise InputError(
        f"the {what} must be a column of the table; there is no {quote(name)}; {remedy.rstrip('?')}"
        + ("?" if remedy.endswith("?") else ".")
    )


def check_agreement(contract: Contract, names: Sequence[str], *, target: str, hints: ContractHints) -> Contract:
    """Return the user's contract if it fits the table and the user's other hints.

    Args:
        contract: The contract.
        names: Columns of the table.
        target: Column that the user wants to predict; empty to use the contract's.
        hints: What else the user specifies.

    Raises:
        InputError: If a column of the contract is absent from the table, or a hint contradicts the contract.
    """
    for column in contract.typed_columns:
        require_name(column.name, names, what=f"column {quote(column.name)} of the contract")
    columns = {column.name: column for column in contract.columns}
    statements = [
        ("target", target, contract.label_column.name if contract.label_column else ""),
        ("task", hints.task, contract.task),
        ("time column", hints.time_column, contract.time_column),
        ("positive class", hints.positive, contract.positive),
        ("group column", hints.group_column, next((c.name for c in contract.columns if c.role == "group"), "")),
    ]
    statements += [
        (f"role of {quote(name)}", "id", columns[name].role if name in columns else "") for name in hints.id_columns
    ]
    statements += [(name.replace("_", " "), value, getattr(contract, name)) for name, value in hints.aims.items()]
    for what, choices in (("drop", hints.drop_columns), ("hash", hints.hash_columns)):
        for name in choices:
            if not (what == "drop" and name not in columns):
                statements.append(
                    (f"personal treatment of {quote(name)}", what, columns[name].personal if name in columns else "")
                )
    for what, value, expected in statements:
        if value and value != expected:
            raise InputError(
                f"the {what} must be the contract's, {quote(expected) if expected else 'which names none'}; got "
                f"{quote(value)} instead; edit the contract or omit the option."
            )
    return contract
