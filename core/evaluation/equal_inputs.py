"""Test rows whose inputs stand in the training part too: normal where inputs are few, copies where they are many."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from headrace.core.contracts.contract import Contract
from headrace.core.tables import parquet_table
from headrace.core.validation.row_digest import row_digest
from headrace.core.validation.table import blocks

SUSPICIOUS = 0.01
_TIMES_CHANCE = 5.0
_SAMPLE_ROWS = 20_000
_INPUTS = "_inputs"
_REMEDY = "Remove them, or write 'group: inputs' into the contract: equal inputs then stay together."


@dataclass(frozen=True)
class EqualInputs:
    """How many test rows have the inputs of a training row.

    Attributes:
        share: Share of the test rows.
        by_chance: The share that would be expected if each input were drawn for itself, with its values' shares.
        copies: Whether it is so much more than chance that the rows, or some of them, are probably copies.
        sentence: The same for people.
        remedy: What to do about copies; empty without any.
    """

    share: float
    by_chance: float
    copies: bool
    sentence: str
    remedy: str = ""

    def as_json(self) -> dict[str, Any]:
        """The attributes by name."""
        return asdict(self)


def find(train_table: Path, test: pl.DataFrame, contract: Contract) -> EqualInputs:
    """Look for the inputs of test rows in the training part, block by block.

    Args:
        train_table: Folder of the training part.
        test: Typed test rows, at least one.
        contract: The table's contract.
    """
    names = [column.name for column in contract.inputs]
    wanted = row_digest(test.select(names), names, name=_INPUTS).get_column(_INPUTS)
    found = pl.Series(_INPUTS, [], pl.UInt64)
    rows = 0
    for block in blocks(train_table):
        digests = row_digest(block.select(names), names, name=_INPUTS).get_column(_INPUTS).unique()
        found = pl.concat([found, digests.filter(digests.is_in(wanted.implode()))]).unique()
        rows += block.height
    share = float(wanted.is_in(found.implode()).mean() or 0.0)  # type: ignore[arg-type]
    chance = _by_chance(parquet_table.scan(train_table).select(names), test.select(names), rows=rows)
    copies = share >= SUSPICIOUS and share > _TIMES_CHANCE * chance
    return EqualInputs(share, chance, copies, _sentence(share, chance, copies=copies), _REMEDY if copies else "")


def _by_chance(train: pl.LazyFrame, test: pl.DataFrame, *, rows: int) -> float:
    """Mean chance that a test row's inputs are among so many training rows, the inputs independent of one another."""
    step = max(1, rows // _SAMPLE_ROWS)
    sample = train.gather_every(step).collect()
    alone = np.zeros(test.height)
    for name in test.columns:
        counts = sample.get_column(name).value_counts(name="_count")
        shares = test.select(name).join(counts, on=name, how="left", nulls_equal=True, maintain_order="left")
        with np.errstate(divide="ignore"):
            alone += np.log(shares.get_column("_count").fill_null(0).to_numpy() / sample.height)
    # log1p keeps the small ones: 1 - (1 - q)^n
    with np.errstate(divide="ignore"):
        return float(np.mean(-np.expm1(rows * np.log1p(-np.exp(alone)))))


def _sentence(share: float, chance: float, *, copies: bool) -> str:
    told = f"{share:.1%} of the test rows have the inputs of a training row; chance would give about {chance:.1%}"
    if not copies:
        return f"{told}."
    return (
        f"{told}: unless inputs follow from one another, these are copies, and copies on both sides make a model look "
        "better than it is."
    )
