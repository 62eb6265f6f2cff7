"""Metrics and losses in the sentences of monitors."""

_NAMES = {
    "accuracy": "The accuracy",
    "precision": "The precision",
    "recall": "The recall",
    "f1": "The F1 score",
    "roc_auc": "The area under the ROC curve",
    "pr_auc": "The average precision",
    "log_loss": "The log loss",
    "brier": "The Brier score",
    "mae": "The mean absolute error",
    "rmse": "The root mean squared error",
    "r2": "R2",
    "errors": "The share of wrong labels",
    "mse": "The mean squared error",
}


def name_of(metric: str) -> str:
    """Return a metric's or a loss's name as the beginning of a sentence."""
    return _NAMES[metric]


def name_within(metric: str) -> str:
    """Return the same name as it stands within a sentence."""
    name = name_of(metric)
    return f"the {name.removeprefix('The ')}" if name.startswith("The ") else name


def describe_value(value: float, low: float, high: float) -> str:
    """Return a value with its interval, such as ``0.91 (0.88 to 0.93)``."""
    return f"{value:.4g} ({low:.4g} to {high:.4g})"
