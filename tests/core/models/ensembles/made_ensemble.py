"""An ensemble that is fitted as the suite fits it."""

from headrace.core.contracts.contract import Contract, Task
from headrace.core.features import matrix_layout, model_matrix
from headrace.core.models import families, fitting
from headrace.core.models.ensembles.members import ENSEMBLE, EnsembleMember, to_parameters
from headrace.core.models.fitted_model import Model
from tests.core import made

SMALL = {
    "random_forest": {"n_estimators": 8},
    "hist_gradient_boosting": {"max_iter": 8},
    "mlp": {"max_iter": 20},
    "lightgbm": {"n_estimators": 4},
}


def fitted(task: Task, *names: str, rows: int = 150, drop: str = "", agreed: Contract | None = None) -> Model:
    """Members of these families, the first one the heaviest."""
    agreed = agreed or made.contract(task)
    total = sum(range(1, len(names) + 1))
    members = [
        EnsembleMember(name, (len(names) - place) / total, SMALL.get(name, {})) for place, name in enumerate(names)
    ]
    family = families.family(ENSEMBLE)
    parameters = family.check_parameters(to_parameters(members))
    pipeline = family.build(matrix_layout.columns(agreed), task=task, parameters=parameters, seed=1)
    table = made.table(rows, task=task)
    if drop:
        table = table.filter(table.get_column("target") != drop)
    encoded, target = model_matrix.encode(table, agreed), model_matrix.encode_target(table, agreed)
    fitting.fit(pipeline, encoded, target)
    return Model(pipeline=pipeline, contract=agreed, family=ENSEMBLE, parameters=parameters, seed=1, train={})
