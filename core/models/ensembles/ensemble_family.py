"""The family of ensembles, which is never searched: its members are trials of a search."""

from collections.abc import Callable, Sequence
from typing import Any

from sklearn.pipeline import Pipeline

from headrace.core.base.errors import InputError
from headrace.core.contracts.contract import Task
from headrace.core.features.matrix_layout import MatrixColumn
from headrace.core.models.ensembles.ensemble_estimator import EnsembleClassifier, EnsembleRegressor
from headrace.core.models.ensembles.members import (
    ENSEMBLE,
    EnsembleMember,
    from_parameters,
    to_parameters,
)
from headrace.core.models.family import ALL_TASKS, Family, Values

Lookup = Callable[[str], Family]


class EnsembleFamily(Family):
    """Weighted means of other families' models.

    Its parameters are its members: ``member_01`` and so on, each a text of JSON; see ``members.to_parameters``.
    """

    def __init__(self, lookup: Lookup) -> None:
        """Set the function that finds another family by its name."""
        super().__init__(ENSEMBLE, ALL_TASKS, {}, _refuse, _refuse)
        object.__setattr__(self, "_lookup", lookup)

    def check_parameters(self, parameters: Values) -> dict[str, Any]:
        """Return the members' texts, each with its parameters checked.

        Raises:
            InputError: If they are not those of an ensemble, or a member is not one of its family.
        """
        members = from_parameters(parameters)
        for one in members:
            self._family_of(one).check_parameters(one.parameters)
        return dict(to_parameters(members))

    def build(self, columns: Sequence[MatrixColumn], *, task: Task, parameters: Values, seed: int) -> Pipeline:
        """Build the unfitted pipeline; see ``Family.build``."""
        return self.join(
            parameters,
            task=task,
            build=lambda family, own: family.build(columns, task=task, parameters=own, seed=seed),
        )

    def join(self, parameters: Values, *, task: Task, build: Callable[[Family, Values], Pipeline]) -> Pipeline:
        """Build the unfitted pipeline of members that are built elsewhere.

        Args:
            parameters: The members' texts.
            task: Kind of task.
            build: Builds the unfitted pipeline of a member from its family and its hyperparameters.

        Raises:
            InputError: If the parameters are not those of an ensemble.
        """
        members = from_parameters(parameters)
        kind = EnsembleRegressor if task == "regression" else EnsembleClassifier
        estimator = kind(
            members=[build(self._family_of(one), one.parameters) for one in members],
            weights=[one.weight for one in members],
        )
        return Pipeline([("prepare", "passthrough"), ("estimator", estimator)])

    def _family_of(self, member: EnsembleMember) -> Family:
        lookup: Lookup = self._lookup  # type: ignore[attr-defined]  # set in a frozen class
        family = lookup(member.family)
        if family.framework != "scikit-learn" or isinstance(family, EnsembleFamily):
            raise InputError(f"a member of an ensemble must be a pipeline of scikit-learn; {member.family} is not one.")
        family.check_installed()
        return family


def _refuse(*_: Any) -> Any:
    raise InputError("an ensemble must be built of its members.")
