"""Training: fit the winner of the search on the whole training table."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np

from headrace.core.base.errors import InputError, quote
from headrace.core.base.files import read_json
from headrace.core.contracts import contract_yaml
from headrace.core.contracts.contract import Contract
from headrace.core.features import matrix_layout, model_matrix
from headrace.core.features.model_matrix import Matrix, Target
from headrace.core.models import decision_threshold, families, fitted_model, fitting
from headrace.core.models.anomaly.alert_threshold import ScoreSample
from headrace.core.models.decision_threshold import OperatingPoint
from headrace.core.models.family import Family
from headrace.core.splits import folds
from headrace.core.tables import parquet_table


def train_model(
    train_table: Path, *, contract: Path, best_parameters: Path, folder: Path, seed: int = 0
) -> dict[str, Any]:
    """Fit a model and write its folder.

    Args:
        train_table: Typed table with the target and the row features.
        contract: The contract's file.
        best_parameters: JSON {family, parameters, operating_points}; without ``operating_points``,
            cross-validation computes them.
        folder: The model's folder.
        seed: Seed of everything random in the fit.

    Returns:
        Metadata: ``framework``, ``family``, ``parameters``, ``rows``, ``columns``, ``warnings``.

    Raises:
        InputError: If the parameters are not the family's, or what fits it is not installed.
        DataError: If no model can be fitted on the table.
    """
    loaded = contract_yaml.load(contract)
    family, parameters, points = _read_best(read_json(best_parameters), best_parameters)
    family.check_installed()
    frame = parquet_table.read(train_table)
    encoded, target = model_matrix.encode(frame, loaded), model_matrix.encode_target(frame, loaded)

    def make() -> Any:
        return family.build(matrix_layout.columns(loaded), task=loaded.task, parameters=parameters, seed=seed)

    pipeline = make()
    warnings = fitting.fit(pipeline, encoded, target)
    if loaded.task == "binary" and not points:
        divided = folds.make(frame, target, loaded, seed=seed)
        held_out = fitting.out_of_fold(make, encoded, target, folds=divided, classes=2)
        points = decision_threshold.from_predictions(
            target, held_out.predictions, positive=matrix_layout.positive(loaded)
        )
    alert_scores = None
    if loaded.task == "anomaly":
        divided = folds.make(frame, target, loaded, seed=seed)
        alert_scores = ScoreSample.of(fitting.out_of_fold(make, encoded, target, folds=divided, classes=0).predictions)
    fitted = fitted_model.Model(
        pipeline=pipeline,
        contract=loaded,
        family=family.name,
        parameters=parameters,
        seed=seed,
        train={"rows": len(target), "digest": digest_of_fit(encoded, target, loaded)},
        operating_points=points,
        alert_scores=alert_scores,
    )
    fitted_model.save(fitted, folder)
    facts = {"framework": family.framework, "family": family.name, "parameters": parameters, "warnings": list(warnings)}
    return {**facts, "rows": float(len(target)), "columns": float(encoded.shape[1])}


def _read_best(best: Any, source: Path) -> tuple[Family, dict[str, Any], tuple[OperatingPoint, ...]]:
    """Read family, checked parameters and operating points from a search's result."""
    if not isinstance(best, dict) or not isinstance(best.get("parameters"), dict) or "family" not in best:
        raise InputError(f"{source} must hold a family and its parameters; got {quote(best)} instead.")
    family = families.family(str(best["family"]))
    parameters = best["parameters"]
    checked = family.check_parameters(parameters)
    try:
        points = tuple(OperatingPoint.from_json(point) for point in best.get("operating_points", ()))
    except (TypeError, ValueError) as error:
        raise InputError(f"each operating point in {source} must be three numbers; {error}; leave them out.") from error
    return family, {name: checked[name] for name in sorted(parameters)}, points


def digest_of_fit(encoded: Matrix, target: Target, contract: Contract) -> str:
    """Compute the digest of what a fit sees, matrix (n, p) and target (n,): of an anomaly task no label."""
    return digest(encoded, target[:0] if contract.task == "anomaly" else target)


def digest(encoded: Matrix, target: Target) -> str:
    """Compute the SHA-256 (lower-case hexadecimal) of training data: shape, matrix (n, p), target (n,)."""
    state = hashlib.sha256(repr(encoded.shape).encode())
    # Little-endian on every machine, for the same digest everywhere.
    state.update(np.ascontiguousarray(encoded, dtype="<f8").data)
    state.update(np.ascontiguousarray(target, dtype="<f8").data)
    return state.hexdigest()
