"""What is simulated: each cell is a kind of table, a size and a family of models, or a search over families."""

from dataclasses import dataclass
from functools import partial

from truth_inputs import Inputs, Table

from headrace.core.statistics.metric_names import MAIN

_FRESH = {"random_forest": 8_000, "hist_gradient_boosting": 12_000}
_WORDS = {"random_forest": "forest", "hist_gradient_boosting": "boosting"}
_TOGETHER = {"groups": "people", "keys": "keys that repeat", "time": "drifting time"}
_TRIALS = 6


@dataclass(frozen=True)
class Cell:
    """One cell of the benchmark.

    Attributes:
        table: What the tables are like.
        rows: How many rows each has.
        family: Family of models, fitted with its defaults.
        search: Families among which the suite's own search chooses; empty for no search.
        trials: Trials of that search.
    """

    table: Table
    rows: int
    family: str
    search: tuple[str, ...] = ()
    trials: int = _TRIALS

    @property
    def name(self) -> str:
        """The cell in plain words."""
        table = self.table
        copies = f"{table.copies:.0%} copies" if table.structure == "copies" else ""
        ratio = f"1:{table.negatives}" if table.negatives > 1 else ""
        target = "" if table.target == "two classes" else f"{table.target} target"
        family = "search over " + " and ".join(self.search) if self.search else _WORDS.get(self.family, self.family)
        signal = "" if table.signal else "no signal" if table.task == "regression" else "random labels"
        words = (
            _TOGETHER.get(table.structure, copies),
            table.inputs,
            target,
            ratio,
            f"{self.rows:,} rows",
            family,
            signal,
        )
        return ", ".join(word for word in words if word)

    @property
    def fresh(self) -> int:
        """Fresh rows by which the truth is told: so many that their noise hardly counts beside the test part's."""
        return max(_FRESH.get(self.family, 20_000), 2 * self.rows)

    @property
    def cheap(self) -> bool:
        """Whether a fit takes a hundredth of a second: then AutoGluon's holdout stands beside it too."""
        return self.family not in _FRESH and self.rows <= 5_000

    @property
    def main(self) -> str:
        """The metric by which the gate decides and the search searches."""
        return MAIN[self.table.task]


def _cells() -> tuple[Cell, ...]:
    logistic, linear = "logistic", "linear"
    forest, boosting = "random_forest", "hist_gradient_boosting"
    few, many, numbers, mixed = (partial(Table, kind) for kind in _INPUTS)
    return (
        Cell(few(), 60, logistic),
        Cell(few(signal=False), 60, logistic),
        Cell(few(), 200, logistic),
        Cell(few(), 1_200, logistic),
        Cell(few(signal=False), 1_200, logistic),
        Cell(few(signal=False), 1_000, boosting),
        Cell(few(), 1_000, forest),
        Cell(few(negatives=10), 1_000, logistic),
        Cell(few("five classes"), 1_000, logistic),
        Cell(few("five classes", signal=False), 1_000, logistic),
        Cell(few("normal"), 1_000, linear),
        Cell(few("zero-inflated"), 1_000, linear),
        Cell(many(), 200, logistic),
        Cell(many(), 1_000, logistic),
        Cell(many(signal=False), 1_000, logistic),
        Cell(many(), 5_000, boosting),
        Cell(many(), 50_000, logistic),
        Cell(many("lognormal"), 1_000, linear),
        Cell(numbers(), 60, logistic),
        Cell(numbers(signal=False), 60, logistic),
        Cell(numbers(), 200, logistic),
        Cell(numbers(signal=False), 200, logistic),
        Cell(numbers(), 1_000, logistic),
        Cell(numbers(), 1_000, forest),
        Cell(numbers(signal=False), 1_000, forest),
        Cell(numbers(), 1_000, boosting),
        Cell(numbers(signal=False), 1_000, boosting),
        Cell(numbers(), 5_000, logistic),
        Cell(numbers(signal=False), 50_000, logistic),
        Cell(mixed(), 200, forest),
        Cell(mixed(), 1_000, logistic),
        Cell(mixed(signal=False), 1_000, logistic),
        Cell(mixed(), 1_000, boosting),
        Cell(numbers(structure="copies", copies=0.3), 1_000, logistic),
        Cell(numbers(structure="copies", copies=0.9), 1_000, logistic),
        Cell(mixed(structure="copies", copies=0.9), 1_000, forest),
        Cell(numbers("normal", structure="copies", copies=0.9), 1_000, linear),
        Cell(mixed(structure="keys"), 1_000, logistic),
        Cell(numbers(signal=False, structure="keys"), 1_000, forest),
        Cell(mixed(structure="groups"), 1_000, logistic),
        Cell(numbers(signal=False, structure="groups"), 1_000, logistic),
        Cell(numbers(signal=False, structure="groups"), 1_000, forest),
        Cell(few(signal=False, structure="groups"), 1_000, logistic),
        Cell(numbers("normal", structure="groups"), 1_000, linear),
        Cell(numbers(structure="time"), 1_000, logistic),
        Cell(numbers(signal=False, structure="time"), 1_000, logistic),
        Cell(mixed(structure="time"), 5_000, boosting),
        Cell(numbers("normal", structure="time"), 1_000, linear),
        Cell(numbers(negatives=10), 1_000, logistic),
        Cell(mixed(signal=False, negatives=10), 1_000, logistic),
        Cell(numbers(negatives=100), 5_000, logistic),
        Cell(numbers(signal=False, negatives=100), 5_000, logistic),
        Cell(numbers(negatives=500), 5_000, logistic),
        Cell(numbers(negatives=500), 50_000, logistic),
        Cell(numbers("five classes"), 200, logistic),
        Cell(mixed("five classes"), 1_000, forest),
        Cell(numbers("five classes", signal=False), 1_000, logistic),
        Cell(numbers("normal"), 60, linear),
        Cell(numbers("normal"), 1_000, linear),
        Cell(numbers("normal", signal=False), 1_000, linear),
        Cell(mixed("normal"), 1_000, boosting),
        Cell(numbers("heavy tails"), 1_000, linear),
        Cell(numbers("lognormal"), 200, linear),
        Cell(numbers("lognormal"), 1_000, boosting),
        Cell(numbers("zero-inflated"), 1_000, linear),
        Cell(mixed("zero-inflated", signal=False), 1_000, forest),
        Cell(numbers("normal"), 50_000, linear),
        Cell(numbers(), 200, logistic, search=(logistic, "knn")),
        Cell(mixed(signal=False), 200, logistic, search=(logistic, "knn")),
        Cell(few(signal=False), 200, logistic, search=(logistic, "knn")),
        Cell(numbers(signal=False, structure="groups"), 200, logistic, search=(logistic, "knn")),
        Cell(numbers("normal"), 200, linear, search=(linear, "knn")),
    )


_INPUTS: tuple[Inputs, ...] = ("few categories", "many categories", "numbers", "mixed")
CELLS = _cells()
