"""The problems of the tuning benchmark: real tables, each divided anew by each seed."""

import os
from collections.abc import Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from sklearn import datasets
from sklearn.model_selection import train_test_split

from headrace.core.contracts import contract_yaml
from headrace.core.contracts.contract import Contract
from headrace.core.contracts.table_inference.infer import infer_contract
from headrace.core.evaluation.fold_scores import scores
from headrace.core.features import matrix_layout, model_matrix
from headrace.core.features.add_features import engineer_table
from headrace.core.features.model_matrix import Matrix, Target
from headrace.core.models import families, fitting
from headrace.core.readers.ingest import ingest_table
from headrace.core.splits.folds import Fold
from headrace.core.tables import parquet_table
from headrace.core.validation.table import validate_table
from headrace.experiments.manifests import experiment_yaml
from headrace.experiments.space.experiment import Experiment
from headrace.experiments.trials.cross_validation import TrainingSample
from headrace.experiments.trials.study import Study
from headrace.stores.sources.open_source import open_source

FOLDS = 4  # as many on each of two cores
_BESIDE = Path(__file__).parents[2] / "shared" / "data"
_LARGEST_SHARE = 2 / 3


@dataclass(frozen=True)
class Source:
    """A real table, and the model that is tuned on it.

    Attributes:
        name: Its name.
        family: Model family, whose shipped Experiment says what is searched.
        target: Column to predict.
        rows: Rows that are searched on; the others are held out.
        file: File in the folder of real tables; empty for one that comes with scikit-learn.
        drop: Columns that would give the target away.
        other: The table of scikit-learn that is taken where there is no such file.
    """

    name: str
    family: str
    target: str
    rows: int
    file: str = ""
    drop: tuple[str, ...] = ()
    other: str = ""


SOURCES = (
    Source("heart", "hist_gradient_boosting", "target", 200, file="heart.csv", other="breast_cancer"),
    Source("digits", "knn", "target", 900, other="digits"),
    Source("taxis", "hist_gradient_boosting", "tip", 400, file="taxis.csv", drop=("total",), other="diabetes"),
)


@dataclass(frozen=True)
class Table:
    """A table as a search sees it.

    Attributes:
        name: Its name.
        frame: Typed rows with row features.
        contract: Its contract, as Headrace infers it.
        source: Where it is from.
    """

    name: str
    frame: pl.DataFrame
    contract: Contract
    source: Source


@dataclass(frozen=True)
class Problem:
    """What every search is given: the same rows, folds, pipelines, space and objective.

    Attributes:
        table: The table's name.
        experiment: The shipped Experiment of the family, for the task's main metric.
        sample: Rows and folds; its seed is that of the division, the fits and the search.
        held: Matrix of the rows that no search sees.
        held_target: Their target.
    """

    table: str
    experiment: Experiment
    sample: TrainingSample
    held: Matrix
    held_target: Target

    @classmethod
    def of(cls, table: Table, *, seed: int) -> "Problem":
        """Divide a table's rows at random, by class if there are classes."""
        contract, frame = table.contract, table.frame
        target = model_matrix.encode_target(frame, contract)
        rows = min(table.source.rows, int(frame.height * _LARGEST_SHARE))
        classes = None if contract.task == "regression" else target
        kept, held = train_test_split(np.arange(frame.height), train_size=rows, stratify=classes, random_state=seed)
        study = Study.of(frame[kept], contract, folds=FOLDS, seed=seed)
        rest = frame[held]
        return cls(
            table=table.name,
            experiment=experiment_yaml.load_shipped(table.source.family).for_task(contract.task),
            sample=study.sample,
            held=model_matrix.encode(rest, contract),
            held_target=model_matrix.encode_target(rest, contract),
        )

    @property
    def higher_is_better(self) -> bool:
        """Which way the metric goes."""
        return self.experiment.objective.type == "maximize"

    def pipeline(self, parameters: Mapping[str, Any]) -> Any:
        """A new unfitted pipeline of the family."""
        contract = self.sample.contract
        return families.family(self.experiment.family).build(
            matrix_layout.columns(contract), task=contract.task, parameters=parameters, seed=self.sample.seed
        )

    def score(self, parameters: Mapping[str, Any], pool: Executor) -> float:
        """The objective: the mean of the metric over the folds, which run side by side."""
        sample = self.sample
        found = fitting.out_of_fold(
            lambda: self.pipeline(parameters),
            sample.encoded,
            sample.target,
            folds=sample.folds,
            classes=len(matrix_layout.classes(sample.contract)),
            pool=pool,
        )
        return float(np.mean(self._measured(sample.target, found.predictions, sample.folds)))

    def held_out(self, parameters: Mapping[str, Any]) -> float:
        """The metric on the rows that no search saw, of a model fitted on all the others."""
        encoded = np.concatenate([self.sample.encoded, self.held])
        target = np.concatenate([self.sample.target, self.held_target])
        rows = len(self.sample.target)
        fold = Fold(np.arange(rows), np.arange(rows, len(target)))
        classes = len(matrix_layout.classes(self.sample.contract))
        found = fitting.out_of_fold(lambda: self.pipeline(parameters), encoded, target, folds=[fold], classes=classes)
        return self._measured(target, found.predictions, [fold])[0]

    def _measured(self, target: Target, predictions: Any, folds: Any) -> list[float]:
        metric, contract = self.experiment.objective.metric, self.sample.contract
        return scores(target, predictions, folds=folds, contract=contract, metric=metric)


def folder_of_tables() -> Path | None:
    """The folder of real tables, if there is one."""
    folder = Path(os.environ.get("HEADRACE_TEST_DATA", str(_BESIDE)))
    return folder if folder.is_dir() else None


def read(source: Source, folder: Path | None, scratch: Path) -> Table:
    """Bring a table in by the steps of the training line.

    Args:
        source: Which one.
        folder: Folder of real tables; None for scikit-learn's own.
        scratch: Folder for what the steps write.
    """
    real = folder / source.file if folder and source.file else None
    here = real is not None and real.is_file()
    name, target, path = (source.name, source.target, real) if here else (source.other, "target", None)
    work = scratch / name
    work.mkdir(parents=True)
    if path is None:
        path = _written(name, work / "table.csv")
    ingest_table(open_source(str(path)), folder=work / "raw")
    contract = infer_contract(
        work / "raw", name=name.replace("_", "-"), target=target, drop_columns=source.drop if here else ()
    )
    (work / "contract.yaml").write_text(contract_yaml.dump(contract))
    validate_table(
        work / "raw",
        contract=work / "contract.yaml",
        valid=work / "valid",
        quarantine=work / "quarantine",
        checks=work / "checks.json",
        page=work / "checks.html",
    )
    engineer_table(work / "valid", contract=work / "contract.yaml", feature_table=work / "features")
    return Table(name, parquet_table.read(work / "features"), contract, source)


def _written(name: str, path: Path) -> Path:
    """One of scikit-learn's tables, as a CSV."""
    found = getattr(datasets, f"load_{name}")()
    frame = pl.DataFrame({f"x{place:02d}": values for place, values in enumerate(found.data.T)})
    named = getattr(found, "target_names", None)
    target = found.target if named is None else [f"class {named[place]}" for place in found.target]
    frame.with_columns(pl.Series("target", target)).write_csv(path)
    return path
