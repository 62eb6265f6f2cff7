"""The rows that H2O fits a model on: the model matrix, with names and levels that H2O reads as they are meant.

H2O reads a text such as ``007`` as the number 7, also in a column of texts, and takes some words for missing values.
So categories and classes have levels of their own, ``c000000``, ``c000001`` and so on, in the contract's order, and
columns are sent as numbers or as categories, never to be guessed.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from headrace.core.base.errors import InternalError, quote
from headrace.core.features.matrix_layout import MatrixColumn
from headrace.core.features.model_matrix import Matrix, Target
from headrace.core.mojo.mojo_archive import MojoFacts
from headrace.core.mojo.mojo_description import MojoDescription, MojoInput

# Levels sort as the contract orders what they stand for.
_DIGITS = 6
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,99}")


@dataclass(frozen=True)
class H2OTable:
    """How the columns of a model matrix are sent to H2O.

    Attributes:
        names: Name of each column of the matrix: its own if it is plain, else ``x`` and its place.
        categories: Number of categories of each of them; 0 for a column of numbers.
        target: Name of the target; None for models that are fitted without one.
        classify: Whether the target is the places of classes.
    """

    names: tuple[str, ...]
    categories: tuple[int, ...]
    target: str | None
    classify: bool

    def write(self, encoded: Matrix, target: Target | None, path: Path) -> list[str]:
        """Write training rows as CSV, and return H2O's type of each of its columns.

        Args:
            encoded: Model matrix (n, p).
            target: Encoded target (n,); not looked at if the table has none.
            path: The file.
        """
        columns = [
            (_levels if count else _number)(name, values)
            for name, values, count in zip(self.names, encoded.T, self.categories, strict=True)
        ]
        texts = [bool(count) for count in self.categories]
        if self.target is not None:
            make = _levels if self.classify else _number
            columns.append(make(self.target, np.asarray(target, dtype=np.float64)))
            texts.append(self.classify)
        pl.DataFrame(columns).write_csv(path)
        return ["enum" if is_text else "real" for is_text in texts]

    def describe(self, facts: MojoFacts, *, classes: int) -> MojoDescription:
        """Return what a MOJO that was fitted on such rows takes and gives.

        Args:
            facts: What its archive says.
            classes: Number of classes, at least those of the training rows; 0 for all but classifications.

        Raises:
            InternalError: If its columns are not those that were sent.
        """
        places = {name: place for place, name in enumerate(self.names)}
        if facts.response != self.target or not set(facts.inputs) <= set(places):
            held = [*facts.inputs, facts.response]
            raise InternalError(f"a MOJO must have the columns that H2O was given; it has {quote(held)}.")
        described = tuple(
            MojoInput(name, places[name], _places(self.categories[places[name]], facts, own))
            for own, name in enumerate(facts.inputs)
        )
        own_classes = _places(classes, facts, len(facts.inputs)) or ()
        category: Any = facts.category
        return MojoDescription(facts.version, facts.algorithm, category, described, own_classes)


def plan_table(columns: Sequence[MatrixColumn], *, classify: bool, has_target: bool = True) -> H2OTable:
    """Decide how the columns of a matrix are sent to H2O.

    Args:
        columns: Columns of the matrix.
        classify: Whether the target is the places of classes.
        has_target: Whether the model is fitted with a target.
    """
    taken: set[str] = set()
    names = []
    for place, column in enumerate(columns):
        plain = _PLAIN.fullmatch(column.name) and column.name.lower() not in taken
        name = column.name if plain else _free(f"x{place}", {*taken, *(one.name.lower() for one in columns)})
        taken.add(name.lower())
        names.append(name)
    counts = tuple(len(column.categories or ()) for column in columns)
    return H2OTable(tuple(names), counts, _free("target", taken) if has_target else None, classify)


def _free(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "_"
    return name


def _number(name: str, values: Any) -> pl.Series:
    return pl.Series(name, values, dtype=pl.Float64).fill_nan(None)


def _levels(name: str, values: Any) -> pl.Series:
    places = pl.Series(name, values, dtype=pl.Float64).fill_nan(None).cast(pl.Int64)
    # -1 is a category that the contract does not list.
    texts = pl.select(pl.when(places >= 0).then(pl.format("c{}", places.cast(pl.String).str.zfill(_DIGITS))))
    return texts.to_series().alias(name)


def _places(count: int, facts: MojoFacts, column: int) -> tuple[int | None, ...] | None:
    """Return the place of each category in the MOJO's levels of a column; None for a column of numbers."""
    if not count:
        return None
    known = {int(level.removeprefix("c")): place for place, level in enumerate(facts.domains.get(column, ()))}
    return tuple(known.get(place) for place in range(count))
