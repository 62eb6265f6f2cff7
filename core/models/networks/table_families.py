"""The families of networks over sequences and over tables."""

from collections.abc import Sequence
from dataclasses import dataclass

from sklearn.pipeline import Pipeline

from headrace.core.base.errors import InputError, quote
from headrace.core.contracts.contract import Task
from headrace.core.features.matrix_layout import MatrixColumn
from headrace.core.models.family import ALL_TASKS, Family, Values
from headrace.core.models.hyperparameters import IntegerParameter
from headrace.core.models.networks.network_anomaly import NetworkAnomaly
from headrace.core.models.networks.network_families import FITTING
from headrace.core.models.networks.network_family import FRAMEWORK, NetworkFamily, as_it_is, later
from headrace.core.models.series.sequence_columns import FEWEST, find_sequences

_FITTING = {**FITTING, "batch_size": IntegerParameter(256, low=1, high=65_536)}
_UNITS = IntegerParameter(32, low=1, high=4096)


@dataclass(frozen=True)
class TableFamily(NetworkFamily):
    """A network over columns of numbers and categories."""

    def check_columns(self, columns: Sequence[MatrixColumn]) -> None:
        """Raise if a column fills several of the matrix, as a picture does.

        Raises:
            InputError: If one does.
        """
        wide = sorted({column.part_of.name for column in columns if column.part_of})
        if wide:
            raise InputError(
                f"the family {self.name} takes numbers and categories; {quote(wide)} hold pictures: give them the role "
                "'ignore', or choose the family cnn."
            )


@dataclass(frozen=True)
class SequenceFamily(TableFamily):
    """A network over a sequence, and columns beside it."""

    def check_columns(self, columns: Sequence[MatrixColumn]) -> None:
        """Raise unless some columns are a sequence.

        Raises:
            InputError: If none are.
        """
        super().check_columns(columns)
        if not find_sequences([column.name if column.categories is None else "" for column in columns]):
            raise InputError(
                f"the family {self.name} takes sequences: at least {FEWEST} columns of numbers NAME_1, NAME_2 and "
                "so on in the order of time, or windows of `headrace forecast train`; the contract has none: choose "
                "another family."
            )


@dataclass(frozen=True)
class AutoencoderFamily(TableFamily):
    """An autoencoder, which is fitted without a target."""

    def build(self, columns: Sequence[MatrixColumn], *, task: Task, parameters: Values, seed: int) -> Pipeline:
        """Build the unfitted pipeline; see ``Family``."""
        pipeline = super().build(columns, task=task, parameters=parameters, seed=seed)
        values = self.check_parameters(parameters)
        pipeline.set_params(estimator=NetworkAnomaly(self.name, tuple(columns), values, seed))
        return pipeline


TABLE_FAMILIES: tuple[Family, ...] = (
    *(
        SequenceFamily(
            name=name,
            tasks=ALL_TASKS,
            parameters={"units": _UNITS, **_FITTING},
            prepare=as_it_is,
            estimator=later,
            framework=FRAMEWORK,
        )
        for name in ("gru", "lstm")
    ),
    SequenceFamily(
        name="tcn",
        tasks=ALL_TASKS,
        parameters={"units": _UNITS, "kernel_size": IntegerParameter(3, low=2, high=64), **_FITTING},
        prepare=as_it_is,
        estimator=later,
        framework=FRAMEWORK,
    ),
    TableFamily(
        name="mlp_embeddings",
        tasks=ALL_TASKS,
        parameters={
            "units": IntegerParameter(64, low=1, high=4096),
            "layers": IntegerParameter(2, low=1, high=20),
            **_FITTING,
        },
        prepare=as_it_is,
        estimator=later,
        framework=FRAMEWORK,
    ),
    AutoencoderFamily(
        name="autoencoder",
        tasks=("anomaly",),
        parameters={
            "units": IntegerParameter(64, low=1, high=4096),
            "code": IntegerParameter(4, low=1, high=1024),
            **{name: kind for name, kind in _FITTING.items() if name != "dropout"},
        },
        prepare=as_it_is,
        estimator=later,
        framework=FRAMEWORK,
    ),
)
