"""What a run is given, and what it gives back."""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import polars as pl
from truth_cells import Cell
from truth_inputs import Floats
from truth_tables import Drawn, Fresh, contract, draw

from headrace.core.contracts.contract import Contract
from headrace.core.features import matrix_layout, model_matrix
from headrace.core.models import families
from headrace.core.splits import split_table
from headrace.core.splits.split_plan import SplitPlan, plan


@dataclass(frozen=True)
class Estimate:
    """A metric as it was reported, and as it is.

    Attributes:
        value: On the test part.
        low: Lower end of the interval.
        high: Upper end.
        truth: On the population.
    """

    value: float
    low: float
    high: float
    truth: float


@dataclass(frozen=True)
class Run:
    """What one run said, and what is true.

    Attributes:
        refused: The sentence with which it was refused; empty if it was not.
        share: Share of the rows in the test part.
        metrics: Estimates by name of the metric.
        verdict: The gate's word.
        calibration: Mean predicted minus mean actual, and the expected calibration error.
        costs: By ratio of costs (false positive to false negative) the true cost at the chosen threshold, at 0.5 and at
            the best threshold.
        search: ``score`` (the best of the search), ``nested``, ``nested_low``, ``nested_high``, ``truth``, and
            ``sign`` (1 where more is better).
        same: Whether the same rows in another order had the same test part, and in the same order the same model; None
            where it was not looked at.
    """

    refused: str = ""
    share: float = float("nan")
    metrics: Mapping[str, Estimate] = field(default_factory=dict)
    verdict: str = ""
    calibration: tuple[float, float] = (float("nan"), float("nan"))
    costs: Mapping[str, tuple[float, float, float]] = field(default_factory=dict)
    search: Mapping[str, float] = field(default_factory=dict)
    same: bool | None = None


@dataclass(frozen=True)
class Task:
    """One simulated table, with the rows by which the truth is told; the peers get the same.

    Attributes:
        cell: What is simulated.
        seed: Seed of the split, the fit and the bootstrap.
        drawn: The table.
        contract: Its contract.
        plan: How the suite splits it.
        fresh: Fresh rows of its population.
    """

    cell: Cell
    seed: int
    drawn: Drawn
    contract: Contract
    plan: SplitPlan
    fresh: Fresh

    @classmethod
    def of(cls, cell: Cell, *, seed: int, place: int) -> "Task":
        """Draw the table of a run.

        Args:
            cell: What is simulated.
            seed: Seed of the benchmark.
            place: Number of the run.
        """
        rng = np.random.default_rng([seed, zlib.crc32(cell.name.encode()), place])
        drawn, agreed = draw(cell.table, cell.rows, rng), contract(cell.table)
        own = int(rng.integers(2**31))
        chosen, since = plan(agreed, seed=own), ""
        if chosen.method == "time":
            times = drawn.frame.get_column(agreed.time_column)
            since = split_table.find_cut(times, test_size=chosen.test_size, column=agreed.time_column)
            chosen = replace(chosen, cut=since)
        return cls(cell, own, drawn, agreed, chosen, drawn.fresh(cell.fresh, since))

    def encoded(self, frame: pl.DataFrame) -> Floats:
        """The matrix of some rows."""
        return model_matrix.encode(frame, self.contract)

    def make(self, parameters: Mapping[str, Any] | None = None, family: str = "") -> Any:
        """A new unfitted pipeline, of the cell's family with its defaults unless others are given."""
        kind = families.family(family or self.cell.family)
        columns = matrix_layout.columns(self.contract)
        return kind.build(columns, task=self.contract.task, parameters=parameters or {}, seed=self.seed)
