"""What the tests of the Java library share."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from headrace.core.jvm_export.model_jar import ModelJar, write_jar
from headrace.serving.model.served_model import ServedModel
from tests.jvm.comparison import JavaServer
from tests.jvm.java_parts import library
from tests.made_bundle import copy_bundle


@pytest.fixture(scope="session")
def java(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JavaServer]:
    """A Java process that encodes and scores."""
    with JavaServer(tmp_path_factory.mktemp("java")) as server:
        yield server


@dataclass(frozen=True)
class ExportedModel:
    """A model in Python and in a jar.

    Attributes:
        served: The model, as a server holds it.
        jar: The jar.
        folder: Its bundle.
    """

    served: ServedModel
    jar: ModelJar
    folder: Path

    def answer(self, row: dict[str, Any]) -> Any:
        """Return Python's answer to a row."""
        return self.served.objects(self.served.predict_validated([row]))[0]


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory) -> ExportedModel:
    """A small model, exported to a jar."""
    library()
    folder = tmp_path_factory.mktemp("exported")
    bundle = copy_bundle(folder)
    return ExportedModel(ServedModel.open(bundle.folder), write_jar(bundle, folder / "jars"), bundle.folder)


ROWS: list[dict[str, Any]] = [
    {"age": 40, "spend": 12.5, "plan": "basic", "joined": "2024-03-03 10:00:00"},
    {"age": 71, "spend": None, "plan": "premium", "joined": None},
    {"age": 25, "spend": 10.1, "plan": "plus", "joined": "2024-07-04 23:15:00"},
]
"""Rows that the model's contract accepts."""
UNKNOWN_PLAN = {"age": 40, "spend": 12.5, "plan": "gold", "joined": "2024-03-03 10:00:00"}
"""A row that it refuses."""
