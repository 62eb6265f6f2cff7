"""Versions of one model, made by the real steps: a stable one, and candidates that are right or wrong in a way."""

import csv
from pathlib import Path

from headrace.core.bundles.bundle import Bundle
from tests.conftest import write_table
from tests.made_bundle import make_bundle


def stable(folder: Path) -> Bundle:
    """What answers now."""
    return make_bundle(folder, table=write_table(folder / "customers.csv", rows=800))


def good(folder: Path) -> Bundle:
    """The same, learned from other rows of the same kind."""
    return make_bundle(folder, table=write_table(folder / "customers.csv", rows=800, seed=8))


def strict(folder: Path) -> Bundle:
    """One whose contract knows a plan less, so that a third of the requests is refused."""
    table = _rewritten(folder, lambda row: row["plan"] != "premium")
    return make_bundle(folder, table=table)


def shifted(folder: Path) -> Bundle:
    """One that learned that almost all customers leave."""
    table = _rewritten(folder, lambda row: row["churn"] == "yes" or int(row["age"]) % 9 == 0)
    return make_bundle(folder, table=table)


def slow(folder: Path) -> Bundle:
    """One with so many trees that each answer takes its time."""
    table = write_table(folder / "customers.csv", rows=800, seed=8)
    return make_bundle(folder, table=table, family="random_forest", parameters={"n_estimators": 500, "max_depth": 12})


def wrong(folder: Path) -> Bundle:
    """One that learned nothing: its predictions have the usual shares, but are wrong."""
    return make_bundle(folder, table=write_table(folder / "customers.csv", rows=800, shuffled=True))


def _rewritten(folder: Path, kept: object) -> Path:
    """A table with some of its rows."""
    assert callable(kept)
    whole = write_table(folder / "whole.csv", rows=1600)
    with whole.open(newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if kept(row)]
    path = folder / "customers.csv"
    with path.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


CANDIDATES = {"good": good, "strict": strict, "shifted": shifted, "slow": slow, "wrong": wrong}
