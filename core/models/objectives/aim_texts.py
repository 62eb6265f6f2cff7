"""What a contract asks of a model beyond its task, in words: for its card, and as a note of a run."""

from headrace.core.base.notes import Note
from headrace.core.contracts.contract import Contract
from headrace.core.features import matrix_layout
from headrace.core.models import families
from headrace.core.models.fitted_model import Model
from headrace.core.models.objectives.build_pipeline import find_obstacle

# With two rows for each column a linear model kept the promise in simulation, with one it did not.
_ROWS_OF_A_COLUMN = 2


def describe_aims(model: Model) -> list[tuple[str, str]]:
    """Return name and text of each thing that the model's contract asks for beyond its task."""
    contract, found = model.contract, []
    if contract.objective == "quantile":
        found.append(("Objective", f"the {contract.quantile:g} quantile, by pinball loss"))
    elif contract.objective == "count":
        found.append(("Objective", "the mean of a count, by Poisson deviance"))
    if model.intervals is not None:
        ranges = len(model.intervals.low)
        by_range = f", in {ranges} ranges of the prediction" if ranges > 1 else ""
        text = f"conformal, to hold {model.intervals.coverage:g} of the actual values, from "
        text += f"{model.intervals.rows:,} out-of-fold errors{by_range}{_weaker(contract)}{_few_rows(model)}"
        found.append(("Intervals", text))
    if isinstance(contract.class_weights, dict):
        weights = ", ".join(f"{name} {weight:g}" for name, weight in sorted(contract.class_weights.items()))
        found.append(("Class weights", f"{weights}; taken out of the probabilities"))
    elif contract.class_weights:
        found.append(("Class weights", f"{contract.class_weights}; taken out of the probabilities"))
    constrained = [f"{column.name} ({column.monotone})" for column in contract.columns if column.monotone]
    if constrained:
        found.append(("Monotone in", ", ".join(constrained)))
    if contract.has_ordered_classes:
        found.append(("Order of the classes", " < ".join(contract.target.categories or ())))
    return found


def _few_rows(model: Model) -> str:
    """Say that the promise may break where a linear model has nearly as many columns as rows."""
    width = sum(len(column.categories or ("number",)) for column in matrix_layout.columns(model.contract))
    rows = model.intervals.rows if model.intervals else 0
    if model.family != "linear" or rows >= _ROWS_OF_A_COLUMN * width:
        return ""
    return f"; {width} columns are many for so few rows, so that the coverage may be well below the promise"


def _weaker(contract: Contract) -> str:
    """Say for which rows the promise of intervals is weaker."""
    if contract.time_column:
        return "; promised for rows like those of the training time, so less for later ones if the data drift"
    if contract.group or any(column.role == "group" for column in contract.columns):
        return "; promised over many new groups, not within each one"
    return ""


def left_out_notes(contract: Contract) -> tuple[Note, ...]:
    """Return a note on the families that a search leaves out by default, since they cannot do what is asked."""
    usual = families.defaults(contract.task, columns=len(matrix_layout.columns(contract)))
    obstacles = {name: find_obstacle(name, contract) for name in usual}
    out = [f"{name} ({obstacle})" for name, obstacle in obstacles.items() if obstacle]
    if not out:
        return ()
    sentence = f"The search leaves out families that cannot do what the contract asks: {', '.join(out)}."
    return (Note("info", "", "families", len(out), sentence),)
