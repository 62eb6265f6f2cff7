"""Reads progress and failure reasons from the log of a step on a cluster."""

import re
from dataclasses import dataclass

from headrace.core.base.errors import quote

_MESSAGE = re.compile(
    r"headrace: (?P<step>\w+)(?P<failed> failed(?P<own> by an error of headrace's own)?)?: (?P<text>.+)"
)
_RAISED = re.compile(r"[A-Za-z_][\w.]*(?:Error|Exception|Interrupt|Exit): (?P<text>.+)")
# Lines of the launcher, and of the glog library that it logs with, around a step's own.
_LAUNCHER = re.compile(r"[IWEF]\d{4} |time=|Error: exit status|\s*$")
# The last line of a failing launcher or driver; the exit status of the step is not a reason of its own.
_FATAL = re.compile(r"F\d{4} [^\]]*\] (?P<text>.+)")
_OF_STEP = re.compile(r"exit status \d+\W*$")


@dataclass(frozen=True)
class FailureReason:
    """Why a step failed.

    Attributes:
        text: In one sentence; empty if unknown.
        internal: Whether the cause is a defect of Headrace itself.
    """

    text: str = ""
    internal: bool = False


def last_words(log: str) -> str:
    """Return the last progress message of a step of this suite; empty if there is none."""
    messages = [match for line in log.splitlines() if (match := _MESSAGE.fullmatch(line.strip()))]
    return next((match["text"] for match in reversed(messages) if not match["failed"]), "")


def stated_reason(log: str) -> FailureReason:
    """Return why a step failed, if its log says so: by its own sentence, the launcher's fatal line, or a traceback."""
    lines = [line.strip() for line in reversed(log.splitlines())]
    for line in lines:
        if (match := _MESSAGE.fullmatch(line)) and match["failed"]:
            return FailureReason(match["text"], internal=match["own"] is not None)
    for line in lines:
        if (match := _FATAL.fullmatch(line)) and not _OF_STEP.search(match["text"]):
            return FailureReason(match["text"])
    for line in lines:
        if match := _RAISED.fullmatch(line):
            return FailureReason(match["text"])
    return FailureReason()


def last_line(log: str) -> FailureReason:
    """Return the last line that a step printed, for logs that do not say why it failed."""
    lines = [line.strip() for line in reversed(log.splitlines())]
    last = next((line for line in lines if not _LAUNCHER.match(line)), "")
    return FailureReason(f"it ended without saying why; its last line is {quote(last, 200)}." if last else "")


def reason_of(log: str) -> FailureReason:
    """Return why a step failed, as far as its log says."""
    reason = stated_reason(log)
    return reason if reason.text else last_line(log)
