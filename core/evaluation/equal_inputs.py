"""Test rows whose inputs occur in the training part too: normal with few inputs, copies with many."""

from pathlib import Path

import numpy as np
import polars as pl

from headrace.core.contracts.contract import Contract
from headrace.core.evaluation.evaluation_document import EqualInputs
from headrace.core.tables import parquet_table
from headrace.core.validation.row_digest import row_digest
from headrace.core.validation.table import blocks

SUSPICIOUS = 0.01
_TIMES_CHANCE = 5.0
_SAMPLE_ROWS = 20_000
_INPUTS = "_inputs"
_REMEDY = "Remove them, or write 'group: inputs' into the contract: equal inputs then stay together."


def find(train_table: Path, test: pl.DataFrame, contract: Contract) -> EqualInputs:
    """Find the inputs of test rows in the training part, block by block.

    Args:
        train_table: Folder of the training part.
        test: Typed test rows (n), n > 0.
        contract: The table's contract.
    """
    names = [column.name for column in contract.inputs]
    test_digests = row_digest(test.select(names), names, name=_INPUTS).get_column(_INPUTS)
    shared = pl.Series(_INPUTS, [], pl.UInt64)
    rows = 0
    for block in blocks(train_table):
        digests = row_digest(block.select(names), names, name=_INPUTS).get_column(_INPUTS).unique()
        shared = pl.concat([shared, digests.filter(digests.is_in(test_digests.implode()))]).unique()
        rows += block.height
    share = float(test_digests.is_in(shared.implode()).mean() or 0.0)  # type: ignore[arg-type]
    chance = _by_chance(parquet_table.scan(train_table).select(names), test.select(names), rows=rows)
    copies = share >= SUSPICIOUS and share > _TIMES_CHANCE * chance
    return EqualInputs(share, chance, copies, _sentence(share, chance, copies=copies), _REMEDY if copies else "")


def _by_chance(train: pl.LazyFrame, test: pl.DataFrame, *, rows: int) -> float:
    """Compute the mean chance that a test row's inputs occur among the training rows, if inputs are independent."""
    step = max(1, rows // _SAMPLE_ROWS)
    sample = train.gather_every(step).collect()
    log_chances = np.zeros(test.height)
    for name in test.columns:
        counts = sample.get_column(name).value_counts(name="_count")
        shares = test.select(name).join(counts, on=name, how="left", nulls_equal=True, maintain_order="left")
        with np.errstate(divide="ignore"):
            log_chances += np.log(shares.get_column("_count").fill_null(0).to_numpy() / sample.height)
    # 1 - (1 - q)^n by log1p and expm1, which keep the digits of small chances.
    with np.errstate(divide="ignore"):
        return float(np.mean(-np.expm1(rows * np.log1p(-np.exp(log_chances)))))


def _sentence(share: float, chance: float, *, copies: bool) -> str:
    fact = f"{share:.1%} of the test rows have the inputs of a training row; chance would give about {chance:.1%}"
    if not copies:
        return f"{fact}."
    return (
        f"{fact}: unless inputs follow from one another, these are copies, and copies on both sides make a model look "
        "better than it is."
    )
