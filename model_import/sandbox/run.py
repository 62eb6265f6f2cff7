"""Runs the loader of a pickled model in a sandbox, within limits of memory, time and output."""

import math
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from headrace.core.base.errors import InputError, quote
from headrace.model_import.model_folder import MOST_BYTES
from headrace.model_import.sandbox import launch
from headrace.model_import.sandbox.load_pickle import LOADER

_MOST_ERROR_BYTES = 64 << 10
_BLOCK = 1 << 16


@dataclass(frozen=True)
class SandboxLimits:
    """What a loader may use.

    Attributes:
        memory_bytes: Largest address space of its process.
        cpu_seconds: Longest time of computing.
        seconds: Longest time in all.
        output_bytes: Largest size of what it gives back.
    """

    memory_bytes: int = 4 << 30
    cpu_seconds: int = 120
    seconds: float = 180.0
    output_bytes: int = MOST_BYTES


def load_in_sandbox(
    folder: Path, name: str, *, paths: Sequence[str] = (), loader: str = LOADER, limits: SandboxLimits | None = None
) -> bytes:
    """Load a pickle of a model's folder where it can harm nothing, and return it as skops, unchecked.

    Args:
        folder: The model's folder, which the sandbox can only read.
        name: The file's path in it.
        paths: Folders in it that hold code of the model.
        loader: The text of Python that loads it.
        limits: What it may use.

    Returns:
        What the loader wrote: bytes of unknown content.

    Raises:
        InputError: If no sandbox can be made here, or the loader failed or took too much; nothing was run outside.
    """
    given = limits or SandboxLimits()
    arguments = [f"/model/{name}", *(f"/model/{path}" for path in paths)]
    command = [sys.executable, "-I", "-S", launch.__file__, str(folder.absolute()), sys.prefix]
    # The launcher's own limit of time counts where this process no longer does.
    command += [str(os.getpid()), str(given.memory_bytes), str(given.cpu_seconds), str(math.ceil(given.seconds) + 5)]
    command += [loader, *arguments]
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={},
        cwd="/",
        start_new_session=True,
    )
    source = str(folder / name)
    try:
        written, errors = _read(process, given, source)
    finally:
        # The first process of its namespace ends with the one that waits for it, and takes all others with it.
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    if process.returncode == launch.NO_SANDBOX:
        raise InputError(
            f"{source} must be loaded in a sandbox, and none can be made here ({quote(_last(errors))}): allow user "
            'namespaces, or write the model with serialization_format="skops" where it was fitted; nothing was run.'
        )
    if process.returncode:
        raise InputError(
            f"{source} must be a model that can be loaded and written as skops; in the sandbox "
            f"{_why(process.returncode, errors)}."
        )
    return written


def _read(process: "subprocess.Popen[bytes]", limits: SandboxLimits, source: str) -> tuple[bytes, bytes]:
    """Read both outputs to their ends, within the limits."""
    assert process.stdout is not None  # noqa: S101 - both are pipes
    assert process.stderr is not None  # noqa: S101 - as above
    parts: dict[object, bytearray] = {process.stdout: bytearray(), process.stderr: bytearray()}
    deadline = time.monotonic() + limits.seconds
    with selectors.DefaultSelector() as waiting, process.stdout, process.stderr:
        for stream in (process.stdout, process.stderr):
            waiting.register(stream, selectors.EVENT_READ)
        while waiting.get_map():
            left = deadline - time.monotonic()
            ready = waiting.select(max(left, 0))
            if left <= 0 or not ready:
                raise InputError(
                    f"{source} must be loaded within {limits.seconds:g} seconds; in the sandbox it took longer."
                )
            for key, _ in ready:
                block = os.read(key.fd, _BLOCK)
                if not block:
                    waiting.unregister(key.fileobj)
                    continue
                kept = parts[key.fileobj]
                if key.fileobj is process.stdout and len(kept) + len(block) > limits.output_bytes:
                    raise InputError(
                        f"{source} must be a model of at most {limits.output_bytes:,} bytes as skops; it is larger."
                    )
                kept += block
                if key.fileobj is process.stderr:
                    del kept[:-_MOST_ERROR_BYTES]
        try:
            process.wait(max(deadline - time.monotonic(), 1))
        except subprocess.TimeoutExpired as error:
            raise InputError(
                f"{source} must be loaded within {limits.seconds:g} seconds; in the sandbox it took longer."
            ) from error
    return bytes(parts[process.stdout]), bytes(parts[process.stderr])


def _why(code: int, errors: bytes) -> str:
    # The launcher hands on the number of a signal as an exit code above 128.
    number = 256 - code if code > 128 else 0
    if number in {signal.SIGXCPU, signal.SIGKILL}:
        return "it took too much time or memory"
    return f"it failed with {quote(_last(errors), 300)}"


def _last(errors: bytes) -> str:
    lines = [line.strip() for line in errors.decode(errors="replace").splitlines() if line.strip()]
    return lines[-1] if lines else "no reason"
