"""Journals: rows of texts that only grow, kept in MLflow, and read without it.

MLflow has one thing that cannot be changed once it is written: the parameter of a run. A journal is a run of the
experiment ``headrace journals``, whose parameters ``00000001``, ``00000002`` ... are its texts. Two writers who both
saw seven texts both try to write the eighth; the database gives it to one, and the other reads again. The same holds
for a SQLite file and for a server. Which run is a model's journal is written in the tags with which its experiment is
created, for MLflow creates only one experiment of a name.

Importing MLflow takes more than a second, so that whoever only reads asks the file or the server directly:
``FileReader`` and ``ServerReader``.
"""

import re
from collections.abc import Mapping
from typing import Protocol

from headrace.core.base.errors import DataError

JOURNALS = "headrace journals"
JOURNAL_TAG = "headrace.journal"
PREFIX = "headrace/"
POLICY = "headrace policy"
_KEY = re.compile(r"\d{8}")


class JournalReader(Protocol):
    """Reads journals by the name of their experiment.

    What every implementation promises: a text whose ``append`` has returned is read from then on, by everyone; texts
    come in the order of their numbers; a journal that does not exist reads as empty; errors are ``StoreError``, and
    ``MissingError`` where there is no registry at all. Nothing is written, nor made.
    """

    def journals(self) -> dict[str, list[str]]:
        """All journals that hold something, by name."""

    def journal(self, name: str) -> list[str]:
        """One journal."""


def key(number: int) -> str:
    """The parameter that holds the text of that number."""
    return f"{number:08d}"


def in_order(parameters: Mapping[str, str], name: str) -> list[str]:
    """The texts among a run's parameters, in order.

    Raises:
        DataError: If one is absent between others.
    """
    texts = dict(sorted((name, text) for name, text in parameters.items() if _KEY.fullmatch(name)))
    if list(texts) != [key(number) for number in range(1, len(texts) + 1)]:
        raise DataError(f"the history of {name} lacks an entry: restore the registry's database from a backup.")
    return list(texts.values())
