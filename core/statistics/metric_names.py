"""The metrics by name: which direction is better, and which one decides about a model."""

from headrace.core.contracts.vocabulary import Task

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
    "precision_at_k": True,
    "recall_at_k": True,
    "alerts_per_1000": False,
}
MAIN: dict[Task, str] = {"binary": "roc_auc", "multiclass": "log_loss", "regression": "rmse", "anomaly": "pr_auc"}
LOWER_IS_BETTER = frozenset(name for name, higher in HIGHER_IS_BETTER.items() if not higher)
