"""Processor time and memory of the server's processes, from Linux' ``/proc`` (proc(5))."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")
# Fields of /proc/PID/stat, counted from the state, which follows the name in brackets.
_TIMES = slice(11, 15)
_MOST_PROCESSES = 1_000


@dataclass(frozen=True)
class ProcessUsage:
    """What a process and its descendants use.

    Attributes:
        cpu_seconds: Processor time since the start, with that of descendants which have ended.
        memory_bytes: Memory in use; a page that several of them share counts once.
    """

    cpu_seconds: float
    memory_bytes: float


def read_usage(pid: int) -> ProcessUsage | None:
    """Return what a process and its descendants use; None where there is no such ``/proc``.

    Args:
        pid: The process.
    """
    try:
        _fields(pid)
    except OSError:
        return None
    processes = list(_family(pid))
    return ProcessUsage(
        cpu_seconds=sum(_or_zero(_cpu_seconds, one) for one in processes),
        memory_bytes=sum(_or_zero(_memory_bytes, one) for one in processes),
    )


def _family(pid: int) -> Iterator[int]:
    waiting, count = [pid], 0
    while waiting and count < _MOST_PROCESSES:
        one = waiting.pop()
        count += 1
        yield one
        try:
            for path in (_PROC / str(one) / "task").glob("*/children"):
                waiting += map(int, path.read_text().split())
        except OSError:
            continue  # it has ended meanwhile


def _fields(pid: int) -> list[str]:
    return (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()


def _cpu_seconds(pid: int) -> float:
    return sum(map(float, _fields(pid)[_TIMES])) / os.sysconf("SC_CLK_TCK")


def _memory_bytes(pid: int) -> float:
    text = (_PROC / str(pid) / "smaps_rollup").read_text()
    return 1024.0 * sum(float(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:"))


def _or_zero(measure: Callable[[int], float], pid: int) -> float:
    try:
        return measure(pid)
    except (OSError, IndexError):
        return 0.0  # it has ended meanwhile
