"""The metrics by name: which direction is better, and which one decides about a model."""

from collections.abc import Container

from headrace.core.contracts.vocabulary import Objective, Task

HIGHER_IS_BETTER = {
    "accuracy": True,
    "precision": True,
    "recall": True,
    "f1": True,
    "roc_auc": True,
    "pr_auc": True,
    "log_loss": False,
    "brier": False,
    "mae": False,
    "rmse": False,
    "r2": True,
    "pinball_loss": False,
    "poisson_deviance": False,
    "interval_coverage": True,
    "interval_width": False,
    "quadratic_kappa": True,
    "ranked_probability": False,
    "precision_at_k": True,
    "recall_at_k": True,
    "alerts_per_1000": False,
}
MAIN: dict[Task, str] = {"binary": "roc_auc", "multiclass": "log_loss", "regression": "rmse", "anomaly": "pr_auc"}
LOWER_IS_BETTER = frozenset(name for name, higher in HIGHER_IS_BETTER.items() if not higher)
OF_OBJECTIVE: dict[Objective, str] = {"quantile": "pinball_loss", "count": "poisson_deviance"}
"""The metric that an objective other than the mean minimises; a model of such an objective is decided by it."""


def main_metric(task: Task, measured: Container[str] = ()) -> str:
    """Return the metric that decides about a model.

    Args:
        task: Kind of task.
        measured: Names of the metrics that were measured of it; those of its objective are among them.
    """
    return next((name for name in OF_OBJECTIVE.values() if name in measured), MAIN[task])
