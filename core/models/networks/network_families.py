"""The families of deep networks."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from headrace.core.base.errors import InputError, quote
from headrace.core.features.matrix_layout import MatrixColumn
from headrace.core.models.family import ALL_TASKS, Family
from headrace.core.models.hyperparameters import FloatParameter, IntegerParameter
from headrace.core.models.networks.network_family import FRAMEWORK, NetworkFamily, as_it_is, later

FITTING: dict[str, Any] = {
    "learning_rate": FloatParameter(3e-3, low=1e-8, high=1.0),
    "batch_size": IntegerParameter(64, low=1, high=65_536),
    "epochs": IntegerParameter(30, low=1, high=10_000),
    "patience": IntegerParameter(10, low=1, high=10_000),
    "weight_decay": FloatParameter(1e-4, low=0.0, high=1.0),
    "dropout": FloatParameter(0.2, low=0.0, high=0.9),
    "max_seconds": IntegerParameter(0, low=0, high=604_800),
}
"""Parameters of the loop that fits every network."""


@dataclass(frozen=True)
class PictureFamily(NetworkFamily):
    """A network over one picture."""

    def check_columns(self, columns: Sequence[MatrixColumn]) -> None:
        """Raise unless the only input is a picture.

        Raises:
            InputError: If there is none, or other features beside it.
        """
        names = list(dict.fromkeys(column.part_of.name if column.part_of else column.name for column in columns))
        if len(names) != 1 or any(not column.part_of or column.part_of.dtype != "picture" for column in columns):
            raise InputError(
                f"the family {self.name} takes one picture and no other feature; the contract has {quote(names)}: give "
                "the others the role 'ignore', or choose another family."
            )


NETWORK_FAMILIES: tuple[Family, ...] = (
    PictureFamily(
        name="cnn",
        tasks=ALL_TASKS,
        parameters={
            "filters": IntegerParameter(32, low=1, high=1024),
            "blocks": IntegerParameter(1, low=1, high=20),
            **FITTING,
        },
        prepare=as_it_is,
        estimator=later,
        framework=FRAMEWORK,
    ),
)
