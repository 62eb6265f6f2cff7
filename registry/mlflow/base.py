"""Journals: append-only lists of texts, stored in MLflow, and read without it.

The only thing in MLflow that cannot be changed once it is written is the parameter of a run. A journal is a run of the
experiment ``headrace journals``, whose parameters ``00000001``, ``00000002`` ... are its texts. Two writers that have
both read seven texts both try to write the eighth; the database accepts one, and the other reads again. This holds
for a SQLite file and for a server. The tags with which a model's experiment is created name the run of its journal,
because MLflow creates only one experiment of a name.

Importing MLflow takes more than a second, so readers query the file or the server directly:
``SqliteJournalReader`` and ``RestJournalReader``.
"""

from collections.abc import Mapping
from typing import Protocol

from headrace.core.base.errors import DataError

JOURNALS = "headrace journals"
JOURNAL_TAG = "headrace.journal"
PREFIX = "headrace/"
POLICY = "headrace policy"
_DIGITS = 8


class JournalReader(Protocol):
    """Reads journals by the name of their experiment.

    Every implementation guarantees: a text whose ``append`` has returned is visible to every reader; texts come in the
    order of their numbers; a journal that does not exist reads as empty; errors are ``StoreError``, and
    ``MissingError`` where there is no registry at all. Reading neither writes nor creates anything.
    """

    def journals(self) -> dict[str, list[str]]:
        """Return all journals that are not empty, by name."""

    def journal(self, name: str) -> list[str]:
        """Return the texts of one journal."""


def key(number: int) -> str:
    """Return the name of the parameter with the text of that number."""
    return f"{number:0{_DIGITS}d}"


def in_order(parameters: Mapping[str, str], name: str) -> list[str]:
    """Return the texts among a run's parameters, in order.

    Raises:
        DataError: If a number is missing.
    """
    numbers = sorted(name for name in parameters if len(name) == _DIGITS and name.isascii() and name.isdecimal())
    if numbers and (int(numbers[0]), int(numbers[-1])) != (1, len(numbers)):
        raise DataError(f"the history of {name} lacks an entry: restore the registry's database from a backup.")
    return [parameters[number] for number in numbers]
