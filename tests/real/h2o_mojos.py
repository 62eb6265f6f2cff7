"""MOJOs that a real H2O wrote, with H2O's own predictions; made once for each version of the script that makes them."""

import functools
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headrace.core.mojo.mojo_description import H2O_VERSION, MojoDescription, MojoInput
from headrace.core.runtime.processes import free_port
from tests.conftest import REPOSITORY
from tests.real.h2o_parts import h2o
from tests.real_parts import alone, missing

HOW = "needs Java 17 and H2O, which the tests install from tests/real/h2o.lock (a minute, once)"
SCRIPT = Path(__file__).with_name("make_mojos.py")
_SECONDS = 300
COLUMNS = ("age", "wide", "code", "city")
CATEGORIES = {"code": ("basic", "7", "007", "gold"), "city": tuple(f"c{place:02d}" for place in reversed(range(20)))}
"""Categories of a contract, in an order of its own, with one that no training row has."""
CLASSES = {"Binomial": ("yes", "no"), "Multinomial": ("c", "a", "b")}


@dataclass(frozen=True)
class MadeMojo:
    """A MOJO, and what H2O predicts.

    Attributes:
        path: The MOJO.
        description: What it takes and gives, for ``matrix`` and the classes in the order of ``CLASSES``.
        predicted: H2O's own scores of ``matrix``: probabilities (n, k) in that order, or values (n,).
    """

    path: Path
    description: MojoDescription
    predicted: NDArray[np.float64]


@functools.cache
def folder() -> Path:
    """The folder of the MOJOs, which are made where they are missing."""
    if not shutil.which("java"):
        missing(HOW)
    made = REPOSITORY / "build" / "mojos"
    with alone("mojos"):
        stamp = made / SCRIPT.name
        if not stamp.exists() or stamp.read_text() != SCRIPT.read_text():
            _make(made)
            stamp.write_text(SCRIPT.read_text())
    return made


def _make(made: Path) -> None:
    shutil.rmtree(made, ignore_errors=True)
    made.mkdir(parents=True)
    command = [sys.executable, str(SCRIPT), str(made), str(free_port())]
    environment = os.environ | {"PYTHONPATH": str(h2o())}
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=_SECONDS, check=False, env=environment, cwd=made
    )
    if done.returncode:
        missing(f"{HOW}: {done.stdout[-500:]} {done.stderr[-1500:]}")


@functools.cache
def _facts() -> dict[str, Any]:
    facts: dict[str, Any] = json.loads((folder() / "facts.json").read_text())
    return facts


@functools.cache
def matrix() -> NDArray[np.float64]:
    """The model matrix (n, 4) of the rows that H2O predicted: missing, unseen and wide values among them."""
    return np.array([[_code(name, row[name]) for name in COLUMNS] for row in _facts()["rows"]])


def _code(name: str, value: Any) -> float:
    if value is None:
        return float("nan")
    if name not in CATEGORIES:
        return float(value)
    return float(CATEGORIES[name].index(value)) if value in CATEGORIES[name] else -1.0


@functools.cache
def mojo(name: str) -> MadeMojo:
    """One of them, by algorithm and category."""
    facts, path = _facts()[name], folder() / f"{name}.zip"
    domains = dict(zip(facts["columns"], facts["domains"], strict=True))
    own = [column for column in facts["columns"] if column in COLUMNS]
    inputs = tuple(MojoInput(column, COLUMNS.index(column), _levels(column, domains[column])) for column in own)
    classes = CLASSES.get(facts["category"], ())
    places = tuple(facts["domains"][-1].index(one) for one in classes)
    description = MojoDescription(H2O_VERSION, facts["algorithm"], facts["category"], inputs, places)
    head, *rows = facts["predicted"]
    shown = [head.index(one) for one in classes] if classes else [0]
    predicted = np.array([[float(row[place]) for place in shown] for row in rows])
    return MadeMojo(path, description, predicted if classes else predicted[:, 0])


def _levels(column: str, domain: list[str] | None) -> tuple[int | None, ...] | None:
    if domain is None:
        return None
    return tuple(domain.index(one) if one in domain else None for one in CATEGORIES[column])
