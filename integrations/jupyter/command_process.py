"""A command line of the suite in a process of its own, whose output is passed on as it comes.

As a program: ``python -m headrace.jupyter.command_process WORD...`` is ``headrace WORD...``, which ends with the kernel
that started it, however that ends.
"""

import codecs
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import IO

from headrace.core.runtime.processes import die_with_parent

_GRACE_SECONDS = 30.0
_BLOCK = 1 << 16
_KEPT = 1 << 20


@dataclass(frozen=True)
class CommandOutcome:
    """How a command ended.

    Attributes:
        code: Its exit code.
        text: What it wrote to standard output, at most the last million characters.
        sentence: The sentence of its error, the last line of standard error; empty without one.
        is_interrupted: Whether it was interrupted.
    """

    code: int
    text: str
    sentence: str
    is_interrupted: bool


class _Stream:
    """Lines of one output of the process."""

    def __init__(self, pipe: IO[bytes], write: Callable[[str], None]) -> None:
        self.pipe = pipe
        self.text = ""
        self._write = write
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def take(self, data: bytes) -> None:
        """Pass a block on."""
        text = self._decoder.decode(data, final=not data)
        if text:
            self.text = (self.text + text)[-_KEPT:]
            self._write(text)


def run_command(words: Sequence[str], *, write: Callable[[str], None]) -> CommandOutcome:
    """Run a command to its end.

    An interrupt is passed on to it, and it gets half a minute to end in order; a second one kills it.

    Args:
        words: The command and its arguments.
        write: Gets standard output and standard error as they come, but for a last line with the sentence of an error.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", "headrace.jupyter.command_process", *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        start_new_session=True,  # an interrupt of the kernel reaches its whole group: the command would get two
    )
    assert process.stdout is not None  # noqa: S101 - both are pipes
    assert process.stderr is not None  # noqa: S101
    held = _HeldLine(write)
    streams = (_Stream(process.stdout, write), _Stream(process.stderr, held.write))
    interrupts = 0
    deadline = float("inf")
    try:
        while True:
            try:
                if _pump(streams, deadline):
                    break
                process.kill()
                deadline = float("inf")
            except KeyboardInterrupt:
                interrupts += 1
                deadline = time.monotonic() + _GRACE_SECONDS
                process.send_signal(signal.SIGINT if interrupts == 1 else signal.SIGKILL)
        code = process.wait()
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    return CommandOutcome(code, streams[0].text, held.sentence(code), interrupts > 0)


def _pump(streams: Sequence[_Stream], deadline: float) -> bool:
    """Pass output on until all of it came; return False if the deadline came before."""
    with selectors.DefaultSelector() as selector:
        for stream in streams:
            if not stream.pipe.closed:
                selector.register(stream.pipe, selectors.EVENT_READ, stream)
        while selector.get_map():
            left = None if deadline == float("inf") else deadline - time.monotonic()
            if left is not None and left <= 0:
                return False
            for key, _ in selector.select(left):
                data = os.read(key.fd, _BLOCK)
                key.data.take(data)
                if not data:
                    selector.unregister(key.fileobj)
                    key.data.pipe.close()
    return True


class _HeldLine:
    """Standard error whose last line is held back where it may be the sentence of an error."""

    _BEGINNINGS = ("headrace: ", "Error: ")  # the suite's own, and that of an option or a command that is wrong

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write
        self._last = ""

    def write(self, text: str) -> None:
        """Pass on what is before the last line, and that too unless it may be an error's sentence."""
        whole = self._last + text
        end = whole.rstrip("\n").rfind("\n") + 1
        if not any(whole[end:].startswith(one) or one.startswith(whole[end:]) for one in self._BEGINNINGS):
            end = len(whole)
        if end:
            self._write(whole[:end])
        self._last = whole[end:]

    def sentence(self, code: int) -> str:
        """Return the sentence of a command that failed; pass the line on if it is another one."""
        line = self._last.strip()
        for beginning in self._BEGINNINGS:
            if code and line.startswith(beginning):
                return line.removeprefix(beginning)
        if self._last:
            self._write(self._last)
        return ""


def main() -> None:
    """Be the command ``headrace``, until the process that started this one ends."""
    die_with_parent()
    from headrace.cli.main import main as run  # noqa: PLC0415 - the notebook that imports this module needs no commands

    sys.argv[0] = "headrace"
    sys.modules["__main__"].__package__ = None  # else help and errors call it "python -m ..."
    run()


if __name__ == "__main__":
    main()
