"""Writes and reads a study as files, for trials in other processes: rows, folds and the Experiment."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from headrace.cluster.api import yaml_documents
from headrace.core.base.errors import InputError
from headrace.core.base.files import read_json, write_json, write_text
from headrace.core.contracts import contract_yaml
from headrace.core.splits.folds import Fold
from headrace.core.tables import parquet_table
from headrace.experiments.manifests import experiment_yaml
from headrace.experiments.space.experiment import Experiment
from headrace.experiments.trials.study import Study

FORMAT = 1
_TABLE, _CONTRACT, _ROWS, _STUDY, _EXPERIMENT = "table", "contract.yaml", "rows.npz", "study.json", "experiment.yaml"


@dataclass(frozen=True)
class StoredStudy:
    """A study and its Experiment, which is all that a trial needs.

    Attributes:
        study: Rows and folds.
        experiment: The Experiment.
    """

    study: Study
    experiment: Experiment


def write(stored: StoredStudy, folder: Path) -> None:
    """Write a study; equal studies give equal bytes.

    Args:
        stored: The study and its Experiment, which was read from a document.
        folder: Folder for the files.

    Raises:
        InputError: If the folder cannot be written.
    """
    study = stored.study
    with parquet_table.TableWriter(folder / _TABLE, schema=study.frame.schema) as writer:
        writer.write(study.frame)
    write_text(folder / _CONTRACT, contract_yaml.dump(study.contract))
    arrays = {"rows": study.rows}
    for number, fold in enumerate(study.folds):
        arrays |= {f"fitted_{number}": fold.fitted, f"held_out_{number}": fold.held_out}
    np.savez(folder / _ROWS, allow_pickle=False, **arrays)
    write_json(folder / _STUDY, {"format": FORMAT, "folds": len(study.folds), "seed": study.seed})
    write_text(folder / _EXPERIMENT, yaml_documents.dump(json.loads(json.dumps(stored.experiment.document))))


def read(folder: Path) -> StoredStudy:
    """Read what ``write`` wrote.

    Raises:
        InputError: If a file is of another format, or cannot be read.
    """
    facts: Any = read_json(folder / _STUDY)
    if not isinstance(facts, dict) or facts.get("format") != FORMAT:
        raise InputError(f"{folder / _STUDY} must be of format {FORMAT}; use the Headrace that began the search.")
    with np.load(folder / _ROWS, allow_pickle=False) as arrays:
        rows = arrays["rows"]
        folds = tuple(Fold(arrays[f"fitted_{n}"], arrays[f"held_out_{n}"]) for n in range(int(facts["folds"])))
    study = Study(
        frame=parquet_table.read(folder / _TABLE),
        contract=contract_yaml.load(folder / _CONTRACT),
        rows=rows,
        folds=folds,
        seed=int(facts["seed"]),
    )
    return StoredStudy(study, experiment_yaml.load(folder / _EXPERIMENT))
