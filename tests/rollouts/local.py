"""Rollouts on this machine by the command: what its tests share."""

from pathlib import Path
from typing import TYPE_CHECKING

from headrace.rollouts.record.record import RolloutRecord, loads
from tests.conftest import headrace, write_table
from tests.rollouts import bundles

if TYPE_CHECKING:
    import subprocess

QUICK = (
    "--steps",
    "20,50,100",
    "--step-requests",
    "100",
    "--step-duration",
    "1s",
    "--poll-interval",
    "1s",
    "--step-timeout",
    "2m",
)


def made(folder: Path, *candidates: str) -> Path:
    """The folder, with the stable version, these candidates and a table of requests."""
    bundles.stable(folder / "stable")
    for key in candidates:
        bundles.CANDIDATES[key](folder / key)
    write_table(folder / "traffic.csv", rows=1000, seed=99)
    return folder


def arguments(folder: Path, candidate: str, home: Path, *more: str) -> list[str]:
    """Arguments of a rollout of a candidate."""
    given = ["--candidate", str(folder / candidate / "bundle"), "--table", str(folder / "traffic.csv")]
    return ["rollout", str(folder / "stable" / "bundle"), *given, "--platform", "local", "-o", str(home), *QUICK, *more]


def said(folder: Path, home: Path, *action: str) -> "subprocess.CompletedProcess[str]":
    """What somebody says of a rollout in a process of their own."""
    return headrace("rollout", str(folder / "stable" / "bundle"), "--platform", "local", "-o", str(home), *action)


def kept(home: Path) -> RolloutRecord:
    """The record."""
    return loads((home / "rollout.json").read_bytes(), "it")
