"""Entries of a model's journal: who did what to which version, when and why.

A journal is an append-only list of texts, numbered from 1. Each entry contains the digest of the one before it, so that
reading detects an altered, lost or inserted entry.
"""

import hashlib
import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Literal, get_args

from headrace.core.base.errors import InputError

Action = Literal[
    "register", "promote", "rollback", "approve", "archive", "restore", "rollout", "policy", "decision", "pull_out"
]
ACTIONS: tuple[str, ...] = get_args(Action)
FORMAT = 1
LONGEST_REASON = 1_000
# MLflow stores at most 6000 characters in one parameter, and truncates longer ones silently.
LONGEST_TEXT = 6_000


@dataclass(frozen=True)
class JournalEntry:
    """One action on a model.

    Attributes:
        action: The action.
        by: Name of the person, as the caller gave it.
        reason: The person's reason.
        version: Number of the version that it concerns; 0 for none.
        stage: The stage that it concerns; empty for none.
        facts: Further facts.
        number: Its position in the journal, from 1; 0 before it has one.
        time: Time in UTC, to the second.
        before: SHA-256 of the text of the entry before it; empty for the first.
        id: Random id, by which its writer recognises it.
    """

    action: Action
    by: str
    reason: str = ""
    version: int = 0
    stage: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
    number: int = 0
    time: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    before: str = ""
    id: str = field(default_factory=lambda: uuid.uuid4().hex)

    def __post_init__(self) -> None:
        """Raise if the reason is too long to be stored.

        Raises:
            InputError: If so.
        """
        if len(self.reason) > LONGEST_REASON:
            raise InputError(
                f"a reason must have at most {LONGEST_REASON} characters; it has {len(self.reason)}: shorten it."
            )

    def after(self, texts: Sequence[str]) -> "JournalEntry":
        """Return the entry with its position at the end of a journal."""
        return replace(self, number=len(texts) + 1, before=_digest(texts[-1]) if texts else "")

    def text(self) -> str:
        """Return the entry as stored text.

        Raises:
            InputError: If it is too long.
        """
        text = json.dumps({"format": FORMAT, **asdict(self)}, sort_keys=True, ensure_ascii=False, allow_nan=False)
        if len(text) > LONGEST_TEXT:
            raise InputError(
                f"an entry of the registry must have at most {LONGEST_TEXT} characters; the one of this {self.action} "
                f"has {len(text)}: shorten names and reasons."
            )
        return text


def shorten_reason(text: str) -> str:
    """Return a reason that an entry can hold: cut, with an ellipsis at its end, if it is too long."""
    return text if len(text) <= LONGEST_REASON else f"{text[: LONGEST_REASON - 1]}…"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
