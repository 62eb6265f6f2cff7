"""What the log of a step on a cluster says: how far it is, and why it failed."""

import re
from dataclasses import dataclass

from headrace.core.base.errors import quote

_SAID = re.compile(r"headrace: (?P<step>\w+)(?P<failed> failed(?P<own> by an error of headrace's own)?)?: (?P<text>.+)")
_RAISED = re.compile(r"[A-Za-z_][\w.]*(?:Error|Exception|Interrupt|Exit): (?P<text>.+)")
# What the launcher, and the glog library that it logs with, say around a step.
_LAUNCHER = re.compile(r"[IWEF]\d{4} |time=|Error: exit status|\s*$")
# The line with which launcher or driver end themselves; that the step ended with a code is none of its own reasons.
_FATAL = re.compile(r"F\d{4} [^\]]*\] (?P<text>.+)")
_OF_STEP = re.compile(r"exit status \d+\W*$")


@dataclass(frozen=True)
class FailureReason:
    """Why a step failed.

    Attributes:
        text: In one sentence; empty if nobody knows.
        internal: Whether a promise of Headrace's own was broken.
    """

    text: str = ""
    internal: bool = False


def last_words(log: str) -> str:
    """The last words that a step of this suite said of its progress; empty if there are none."""
    found = [match for line in log.splitlines() if (match := _SAID.fullmatch(line.strip()))]
    return next((match["text"] for match in reversed(found) if not match["failed"]), "")


def said_why(log: str) -> FailureReason:
    """Why a step failed, if its log says so: its own sentence, the launcher's fatal line, or the end of a traceback."""
    lines = [line.strip() for line in reversed(log.splitlines())]
    for line in lines:
        if (match := _SAID.fullmatch(line)) and match["failed"]:
            return FailureReason(match["text"], internal=match["own"] is not None)
    for line in lines:
        if (match := _FATAL.fullmatch(line)) and not _OF_STEP.search(match["text"]):
            return FailureReason(match["text"])
    for line in lines:
        if match := _RAISED.fullmatch(line):
            return FailureReason(match["text"])
    return FailureReason()


def last_line(log: str) -> FailureReason:
    """What a step printed last, where nothing says why it failed."""
    lines = [line.strip() for line in reversed(log.splitlines())]
    last = next((line for line in lines if not _LAUNCHER.match(line)), "")
    return FailureReason(f"it ended without saying why; its last line is {quote(last, 200)}." if last else "")


def reason_of(log: str) -> FailureReason:
    """Why a step failed, as far as its log tells."""
    found = said_why(log)
    return found if found.text else last_line(log)
