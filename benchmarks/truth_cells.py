"""What is simulated: each cell is a kind of table, a size and a family of models."""

from dataclasses import dataclass
from functools import cache

from scipy.stats import t as student
from truth_tables import Table

from headrace.core.metrics import MAIN


@dataclass(frozen=True)
class Cell:
    """One cell of the benchmark.

    Attributes:
        name: In plain words.
        table: What the tables are like.
        rows: How many rows each has.
        family: Family of models, fitted with its defaults.
        search: Families among which the suite's own search chooses; empty for no search.
        trials: Trials of that search.
        autogluon: Whether AutoGluon's holdout stands beside it.
    """

    name: str
    table: Table
    rows: int
    family: str
    search: tuple[str, ...] = ()
    trials: int = 0
    autogluon: bool = True

    @property
    def fresh(self) -> int:
        """Fresh rows by which the truth is told: so many that their noise hardly counts beside the test part's."""
        most = {"random_forest": 8_000, "hist_gradient_boosting": 12_000}.get(self.family, 20_000)
        return max(most, 2 * self.rows)

    @property
    def main(self) -> str:
        """The metric by which the gate decides."""
        return MAIN[self.table.task]

    @property
    def search_metric(self) -> str:
        """The metric of the search's objective."""
        return MAIN[self.table.task]

    @staticmethod
    @cache
    def student(folds: int) -> float:
        """Student's quantile for a 95 % interval of the mean of so many folds."""
        return float(student.ppf(0.975, folds - 1)) if folds > 1 else float("nan")


def _cells() -> tuple[Cell, ...]:
    few, many, numbers, mixed = "few categories", "many categories", "numbers", "mixed"
    plain, forest, boosting = "logistic", "random_forest", "hist_gradient_boosting"
    return (
        Cell("few categories, 60 rows", Table(few), 60, plain),
        Cell("few categories, 60 rows, random labels", Table(few, signal=False), 60, plain),
        Cell("few categories, 200 rows", Table(few), 200, plain),
        Cell("few categories, 1,200 rows", Table(few), 1200, plain),
        Cell("few categories, 1,200 rows, random labels", Table(few, signal=False), 1200, plain),
        Cell("few categories, 1,000 rows, boosting, random labels", Table(few, signal=False), 1000, boosting),
        Cell("few categories, 5,000 rows, forest", Table(few), 5000, forest),
        Cell("few categories, 1:10, 1,000 rows", Table(few, negatives=10), 1000, plain),
        Cell("few categories, five classes, 1,000 rows", Table(few, "five classes"), 1000, plain),
        Cell("few categories, five classes, 1,000 rows, random labels", Table(few, "five classes", signal=False), 1000, plain),
        Cell("few categories, number, 1,000 rows", Table(few, "normal"), 1000, "linear"),
        Cell("few categories, zero-inflated number, 1,000 rows", Table(few, "zero-inflated"), 1000, "linear"),
        Cell("many categories, 200 rows", Table(many), 200, plain),
        Cell("many categories, 1,000 rows", Table(many), 1000, plain),
        Cell("many categories, 1,000 rows, random labels", Table(many, signal=False), 1000, plain),
        Cell("many categories, 5,000 rows, boosting", Table(many), 5000, boosting),
        Cell("many categories, 50,000 rows", Table(many), 50_000, plain),
        Cell("many categories, lognormal number, 1,000 rows", Table(many, "lognormal"), 1000, "linear"),
        Cell("numbers, 60 rows", Table(numbers), 60, plain),
        Cell("numbers, 60 rows, random labels", Table(numbers, signal=False), 60, plain),
        Cell("numbers, 200 rows", Table(numbers), 200, plain),
        Cell("numbers, 200 rows, random labels", Table(numbers, signal=False), 200, plain),
        Cell("numbers, 1,000 rows", Table(numbers), 1000, plain),
        Cell("numbers, 1,000 rows, forest", Table(numbers), 1000, forest),
        Cell("numbers, 1,000 rows, forest, random labels", Table(numbers, signal=False), 1000, forest),
        Cell("numbers, 1,000 rows, boosting", Table(numbers), 1000, boosting),
        Cell("numbers, 1,000 rows, boosting, random labels", Table(numbers, signal=False), 1000, boosting),
        Cell("numbers, 5,000 rows", Table(numbers), 5000, plain),
        Cell("numbers, 50,000 rows, random labels", Table(numbers, signal=False), 50_000, plain),
        Cell("mixed with missing values, 200 rows, forest", Table(mixed), 200, forest),
        Cell("mixed with missing values, 1,000 rows", Table(mixed), 1000, plain),
        Cell("mixed with missing values, 1,000 rows, random labels", Table(mixed, signal=False), 1000, plain),
        Cell("mixed with missing values, 1,000 rows, boosting", Table(mixed), 1000, boosting),
        Cell("30 % copies, numbers, 1,000 rows", Table(numbers, structure="copies", copies=0.3), 1000, plain),
        Cell("90 % copies, numbers, 1,000 rows", Table(numbers, structure="copies", copies=0.9), 1000, plain),
        Cell("90 % copies, mixed, 1,000 rows, forest", Table(mixed, structure="copies", copies=0.9), 1000, forest),
        Cell("90 % copies, number, 1,000 rows", Table(numbers, "normal", structure="copies", copies=0.9), 1000, "linear"),
        Cell("keys that repeat, mixed, 1,000 rows", Table(mixed, structure="keys"), 1000, plain),
        Cell("keys that repeat, numbers, 1,000 rows, forest, random labels", Table(numbers, signal=False, structure="keys"), 1000, forest),
        Cell("people, mixed, 1,000 rows", Table(mixed, structure="groups"), 1000, plain),
        Cell("people, numbers, 1,000 rows, random labels", Table(numbers, signal=False, structure="groups"), 1000, plain),
        Cell("people, numbers, 1,000 rows, forest, random labels", Table(numbers, signal=False, structure="groups"), 1000, forest),
        Cell("people, few categories, 1,000 rows, random labels", Table(few, signal=False, structure="groups"), 1000, plain),
        Cell("people, number, 1,000 rows", Table(numbers, "normal", structure="groups"), 1000, "linear"),
        Cell("drifting time, numbers, 1,000 rows", Table(numbers, structure="time"), 1000, plain),
        Cell("drifting time, numbers, 1,000 rows, random labels", Table(numbers, signal=False, structure="time"), 1000, plain),
        Cell("drifting time, mixed, 5,000 rows, boosting", Table(mixed, structure="time"), 5000, boosting),
        Cell("drifting time, number, 1,000 rows", Table(numbers, "normal", structure="time"), 1000, "linear"),
        Cell("1:10, numbers, 1,000 rows", Table(numbers, negatives=10), 1000, plain),
        Cell("1:10, mixed, 1,000 rows, random labels", Table(mixed, signal=False, negatives=10), 1000, plain),
        Cell("1:100, numbers, 5,000 rows", Table(numbers, negatives=100), 5000, plain),
        Cell("1:100, numbers, 5,000 rows, random labels", Table(numbers, signal=False, negatives=100), 5000, plain),
        Cell("1:500, numbers, 5,000 rows", Table(numbers, negatives=500), 5000, plain),
        Cell("1:500, numbers, 50,000 rows", Table(numbers, negatives=500), 50_000, plain),
        Cell("five classes, numbers, 200 rows", Table(numbers, "five classes"), 200, plain),
        Cell("five classes, mixed, 1,000 rows, forest", Table(mixed, "five classes"), 1000, forest),
        Cell("five classes, numbers, 1,000 rows, random labels", Table(numbers, "five classes", signal=False), 1000, plain),
        Cell("number, numbers, 60 rows", Table(numbers, "normal"), 60, "linear"),
        Cell("number, numbers, 1,000 rows", Table(numbers, "normal"), 1000, "linear"),
        Cell("number, numbers, 1,000 rows, no signal", Table(numbers, "normal", signal=False), 1000, "linear"),
        Cell("number, mixed, 1,000 rows, boosting", Table(mixed, "normal"), 1000, boosting),
        Cell("heavy-tailed number, numbers, 1,000 rows", Table(numbers, "heavy tails"), 1000, "linear"),
        Cell("lognormal number, numbers, 200 rows", Table(numbers, "lognormal"), 200, "linear"),
        Cell("lognormal number, numbers, 1,000 rows, boosting", Table(numbers, "lognormal"), 1000, boosting),
        Cell("zero-inflated number, numbers, 1,000 rows", Table(numbers, "zero-inflated"), 1000, "linear"),
        Cell("zero-inflated number, mixed, 1,000 rows, forest, no signal", Table(mixed, "zero-inflated", signal=False), 1000, forest),
        Cell("number, numbers, 50,000 rows", Table(numbers, "normal"), 50_000, "linear"),
        Cell("search, numbers, 200 rows", Table(numbers), 200, plain, ("logistic", "knn"), 6),
        Cell("search, mixed, 200 rows, random labels", Table(mixed, signal=False), 200, plain, ("logistic", "knn"), 6),
        Cell("search, few categories, 200 rows, random labels", Table(few, signal=False), 200, plain, ("logistic", "knn"), 6),
        Cell("search, people, 200 rows, random labels", Table(numbers, signal=False, structure="groups"), 200, plain, ("logistic", "knn"), 6),
        Cell("search, number, 200 rows", Table(numbers, "normal"), 200, "linear", ("linear", "knn"), 6),
    )  # fmt: skip


CELLS = _cells()
