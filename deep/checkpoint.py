"""The checkpoint of a fit: weights, state of the optimizer and history, after whole epochs."""

import json
import time
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headrace.core.base.files import whole

_FILE = "checkpoint.npz"
_SHARE = 20.0

Arrays = list[NDArray[Any]]


@dataclass
class FitState:
    """Where a fit stands after whole epochs.

    Attributes:
        epoch: Number of finished epochs.
        best_epoch: Epoch with the lowest held-out loss, from 1; 0 for none.
        losses: Mean training loss by epoch.
        held_out: Held-out loss by epoch.
        groups: Arrays, of any shape: ``weights``, ``states``, ``optimizer``, ``best_weights``, ``best_states``.
    """

    epoch: int = 0
    best_epoch: int = 0
    losses: list[float] = field(default_factory=list)
    held_out: list[float] = field(default_factory=list)
    groups: dict[str, Arrays] = field(default_factory=dict)


class CheckpointFile:
    """The file of a fit's checkpoint; a kill at any time leaves the last whole one."""

    def __init__(self, folder: Path) -> None:
        """Take the folder of this fit alone."""
        self._path = folder / _FILE
        self._cost = 0.0
        self._written = time.monotonic()

    def read(self, expected: Mapping[str, Sequence[Any]]) -> FitState | None:
        """Return the stored state; None if there is none, or it is damaged.

        Args:
            expected: Arrays of the groups' shapes; a state of other shapes counts as damaged.
        """
        try:
            with np.load(self._path, allow_pickle=False) as arrays:
                facts = json.loads(str(arrays["facts"]))
                groups = {
                    name: [arrays[f"{name}-{place}"] for place in range(len(items))] for name, items in expected.items()
                }
        except (OSError, ValueError, KeyError, zipfile.BadZipFile, json.JSONDecodeError):
            return None
        fits = all(
            array.shape == tuple(item.shape)
            for name, items in expected.items()
            for array, item in zip(groups[name], items, strict=True)
        )
        return FitState(**facts, groups=groups) if fits else None

    def write(self, state: FitState) -> None:
        """Store a state, unless storing would take more than a twentieth of the time of the fit."""
        now = time.monotonic()
        if now - self._written < _SHARE * self._cost:
            return
        facts = {name: value for name, value in vars(state).items() if name != "groups"}
        arrays = {f"{name}-{place}": item for name, items in state.groups.items() for place, item in enumerate(items)}
        with whole(self._path) as part, part.open("wb") as stream:
            np.savez(stream, facts=np.array(json.dumps(facts)), **arrays)  # type: ignore[arg-type]
        self._written = time.monotonic()
        self._cost = self._written - now
