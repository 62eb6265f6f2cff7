"""The unfitted pipeline of a family for a contract: its objective and its monotone constraints included."""

from collections.abc import Sequence
from typing import Any

from sklearn.linear_model import PoissonRegressor, QuantileRegressor
from sklearn.pipeline import Pipeline

from headrace.core.base.errors import InputError
from headrace.core.contracts.contract import Contract
from headrace.core.features import matrix_layout
from headrace.core.models.ensembles.ensemble_family import EnsembleFamily
from headrace.core.models.family import Family, Values

# The families that can fit each objective; all can fit the mean.
_BY_OBJECTIVE = {
    "quantile": frozenset({"linear", "hist_gradient_boosting", "lightgbm", "xgboost"}),
    "count": frozenset({"linear", "random_forest", "hist_gradient_boosting", "lightgbm", "xgboost"}),
}
_MONOTONE = frozenset({"random_forest", "hist_gradient_boosting", "lightgbm", "xgboost"})
_WEIGHTED = frozenset(
    {"logistic", "naive_bayes", "random_forest", "hist_gradient_boosting", "lightgbm", "xgboost", "mlp"}
)
# The linear families' penalties: Ridge adds alpha to a sum over rows, these to a mean over them.
_ALPHA_OF_A_MEAN = 1e-4


def find_obstacle(family: str, contract: Contract) -> str:
    """Return what of a contract a family cannot do, in words; empty if it can do all of it.

    Args:
        family: Name of the family.
        contract: The contract.
    """
    if family not in _BY_OBJECTIVE.get(contract.objective, {family}):
        return f"the objective {contract.objective}"
    if family not in _MONOTONE and any(column.monotone for column in contract.columns):
        return "monotone constraints"
    if family not in _WEIGHTED and contract.class_weights:
        return "class weights"
    return ""


def build_pipeline(family: Family, contract: Contract, *, parameters: Values, seed: int) -> Pipeline:
    """Build the unfitted pipeline of a family for a contract.

    Args:
        family: The family.
        contract: The contract: task, columns, objective and monotone constraints.
        parameters: Hyperparameters that differ from the family's defaults.
        seed: Seed of everything random in the fit, 0 to 2**32 - 1.

    Returns:
        Pipeline of ``prepare`` and ``estimator``. Class weights are not part of it: they belong to the fit.

    Raises:
        InputError: If the family cannot do what the contract asks, or a parameter is wrong.
    """
    if isinstance(family, EnsembleFamily):
        return family.join(
            parameters,
            task=contract.task,
            build=lambda member, own: build_pipeline(member, contract, parameters=own, seed=seed),
        )
    obstacle = find_obstacle(family.name, contract)
    if obstacle:
        raise InputError(f"the family {family.name} cannot do {obstacle}, which the contract asks for; choose another.")
    columns = matrix_layout.columns(contract)
    pipeline = family.build(columns, task=contract.task, parameters=parameters, seed=seed)
    if contract.objective != "mean":
        _set_objective(pipeline, family, contract, parameters)
    signs = constraint_signs(contract)
    if any(signs):
        _set_constraints(pipeline, family.name, signs)
    return pipeline


def constraint_signs(contract: Contract) -> tuple[int, ...]:
    """Return 1 (rising), -1 (falling) or 0 (free) for each column of the matrix.

    Of two classes it is the direction of the second class, which the libraries constrain; the contract speaks of the
    positive one.
    """
    turned = -1 if contract.task == "binary" and matrix_layout.positive(contract) == 0 else 1
    by_name = {
        column.name: {"increasing": turned, "decreasing": -turned}.get(column.monotone, 0)
        for column in contract.columns
    }
    return tuple(by_name.get(column.name, 0) for column in matrix_layout.columns(contract))


def _set_objective(pipeline: Pipeline, family: Family, contract: Contract, parameters: Values) -> None:
    estimator, counts, share = pipeline[-1], contract.objective == "count", contract.quantile
    if family.name == "linear":
        alpha = family.check_parameters(parameters)["alpha"] * _ALPHA_OF_A_MEAN
        linear = (
            PoissonRegressor(alpha=alpha, max_iter=1000)
            if counts
            else QuantileRegressor(quantile=share, alpha=alpha, solver="highs")
        )
        pipeline.set_params(estimator=linear)
    elif family.name == "random_forest":
        estimator.set_params(criterion="poisson")
    elif family.name == "hist_gradient_boosting":
        estimator.set_params(**({"loss": "poisson"} if counts else {"loss": "quantile", "quantile": share}))
    else:
        estimator.set_params(parameters={**(estimator.parameters or {}), **_boosting(family.name, counts, share)})


def _boosting(library: str, counts: bool, share: float) -> dict[str, Any]:
    if library == "lightgbm":
        return {"objective": "poisson"} if counts else {"objective": "quantile", "alpha": share}
    return {"objective": "count:poisson"} if counts else {"objective": "reg:quantileerror", "quantile_alpha": share}


def _set_constraints(pipeline: Pipeline, family: str, signs: Sequence[int]) -> None:
    # The transformer changes the order of the columns; the estimator's constraints follow it.
    prepared = [int(signs[column]) for _, _, columns in pipeline[0].transformers for column in columns]
    estimator = pipeline[-1]
    if family == "lightgbm":
        estimator.set_params(parameters={**(estimator.parameters or {}), "monotone_constraints": prepared})
    elif family == "xgboost":
        text = f"({','.join(map(str, prepared))})"
        estimator.set_params(parameters={**(estimator.parameters or {}), "monotone_constraints": text})
    else:
        estimator.set_params(monotonic_cst=prepared)
