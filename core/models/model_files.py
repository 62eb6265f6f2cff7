"""The files of a fitted pipeline: one of skops for scikit-learn, a MOJO and its description for H2O."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sklearn.pipeline import Pipeline

from headrace.core.base.files import dumps
from headrace.core.contracts.contract import Contract
from headrace.core.features import matrix_layout
from headrace.core.models import skops_file
from headrace.core.models.h2o.h2o_estimator import MojoEstimator
from headrace.core.models.h2o.mojo_anomaly_estimator import MojoAnomalyEstimator
from headrace.core.mojo.mojo_checks import check_mojo
from headrace.core.mojo.mojo_description import DESCRIPTION, MODEL

SKOPS = "model.skops"


def render(pipeline: Any, contract: Contract) -> dict[str, bytes]:
    """Return the files of a fitted pipeline, by name; equal pipelines give equal bytes.

    Args:
        pipeline: The pipeline.
        contract: The contract that it was fitted under.

    Raises:
        InternalError: If it holds a type that ``load`` would refuse.
    """
    estimator = pipeline[-1]
    if not isinstance(estimator, MojoEstimator):
        return {SKOPS: skops_file.dumps(pipeline)}
    described = estimator.description_.widen(len(matrix_layout.classes(contract)))
    return {MODEL: estimator.mojo_, DESCRIPTION: dumps(described.as_json()).encode()}


def names(folder: Path) -> tuple[str, ...]:
    """Return the names of the files that the model of a folder has, or should have."""
    return (MODEL, DESCRIPTION) if (folder / MODEL).is_file() or (folder / DESCRIPTION).is_file() else (SKOPS,)


def read(folder: Path) -> dict[str, bytes]:
    """Read the files of the model of a folder.

    Args:
        folder: Folder of the model, or of a bundle.
    """
    return {name: (folder / name).read_bytes() for name in names(folder)}


def load(files: Mapping[str, bytes], contract: Contract) -> Any:
    """Load a fitted pipeline without running code that a file names.

    Args:
        files: What ``render`` gave.
        contract: The contract that it was fitted under.

    Raises:
        BundleError: If a file is damaged, not to be trusted, or of another contract.
    """
    if SKOPS in files:
        return skops_file.loads(files[SKOPS])
    description = check_mojo(files[MODEL], files[DESCRIPTION], contract)
    kind = MojoAnomalyEstimator if contract.task == "anomaly" else MojoEstimator
    return Pipeline([("prepare", "passthrough"), ("estimator", kind(files[MODEL], description))])
