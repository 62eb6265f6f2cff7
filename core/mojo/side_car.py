"""One Java process that scores matrices with a MOJO, over pipes; it ends with this process, however that ends."""

import contextlib
import fcntl
import os
import select
import subprocess
import tempfile
from collections import deque
from collections.abc import Sequence
from typing import IO, cast

import numpy as np

from headrace.core.base.errors import BundleError, DataError, MissingError
from headrace.core.mojo import side_car_frames as frames
from headrace.core.mojo.side_car_frames import AnswerHeader, Floats, Kind
from headrace.core.runtime.java_programs import LEAST_VERSION, find_java, find_library

_MAIN = "headrace.jvm.mojo.SideCar"
_PURPOSE = "to score a MOJO of H2O"
# No file in /tmp for each process, no heap that grows unseen, and an end instead of a half-dead process.
_OPTIONS = ("-XX:+UseSerialGC", "-XX:-UsePerfData", "-XX:+ExitOnOutOfMemoryError", "-Djava.awt.headless=true")
_PIPE_BYTES = 1 << 20
_SILENT_SECONDS = 120.0
_END_SECONDS = 2.0
_MOST_WORDS = 40
_LARGEST_NUMBER = 0xFFFF_FFFF


class SideCarEndedError(Exception):
    """The process ended, or stopped answering; what it wrote last is the message."""


class SideCar:
    """The process; used by one thread at a time."""

    def __init__(self, description: bytes, mojo: bytes, *, width: int, threads: int) -> None:
        """Start it, and wait until it has read the MOJO.

        Args:
            description: ``mojo.json``.
            mojo: ``model.mojo``.
            width: Number of scores of a row.
            threads: Threads that score one table.

        Raises:
            MissingError: If Java or the suite's Java library is missing or too old.
            BundleError: If the MOJO cannot be read, or does not fit its description.
            SideCarEndedError: If the process ends otherwise.
        """
        java, library = find_java(_PURPOSE), find_library(purpose=_PURPOSE)
        self._width = width
        self._number = 0
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
        self._process = subprocess.Popen(
            [java, *_OPTIONS, "-cp", str(library), _MAIN, str(threads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            bufsize=0,
            process_group=0,  # Ctrl-C ends the caller, which ends this process once no request needs it
        )
        pipes = cast("tuple[IO[bytes], IO[bytes]]", (self._process.stdin, self._process.stdout))
        self._input, self._output = (pipe.fileno() for pipe in pipes)
        for descriptor in (self._input, self._output):
            os.set_blocking(descriptor, False)
            with contextlib.suppress(
                OSError, AttributeError
            ):  # a user's pipes may be limited to less; only Linux has it
                fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        try:
            self._begin(frames.start_parts(description, mojo))
        except BaseException:
            self.close()
            raise

    def _begin(self, parts: Sequence[memoryview]) -> None:
        try:
            header, text = self._exchange(deque(parts), 1, None)
        except SideCarEndedError as error:
            raise _refusal_of(str(error)) or error from error
        if header.kind != Kind.FACTS:
            raise BundleError(text)

    def score(self, matrix: Floats) -> Floats:
        """Compute the scores of a matrix.

        Args:
            matrix: Matrix (n, p) of float64 in C order, n at least 1.

        Returns:
            Scores (n, k), k the width.

        Raises:
            DataError: If the matrix holds what the MOJO cannot take.
            SideCarEndedError: If the process ended.
        """
        rows, columns = matrix.shape
        scores = np.empty((rows, self._width))
        outgoing: deque[memoryview] = deque()
        parts = list(frames.split_rows(rows, columns, self._width))
        content, step = matrix.data.cast("B"), 8 * columns
        for place, part in enumerate(parts):
            number = (self._number + place) & _LARGEST_NUMBER
            outgoing.append(memoryview(frames.request_header(number, part.stop - part.start, columns)))
            outgoing.append(content[part.start * step : part.stop * step])
        try:
            _, sentence = self._exchange(outgoing, len(parts), scores.data.cast("B"))
        except BaseException:
            self.close()  # what is still in the pipes belongs to no later request
            raise
        self._number = (self._number + len(parts)) & _LARGEST_NUMBER
        if sentence:
            raise DataError(sentence)
        return scores

    def _exchange(
        self, outgoing: deque[memoryview], answers: int, scores: memoryview | None
    ) -> tuple[AnswerHeader, str]:
        """Write parts and read answers at once, so that neither side waits for the other with a full pipe.

        Returns:
            The last header, and the first text among the answers; empty if there is none.
        """
        poll = select.poll()
        poll.register(self._output, select.POLLIN)
        if not self._write(outgoing):
            poll.register(self._input, select.POLLOUT)
        reading = _AnswerReader(scores, self._number)
        while reading.finished < answers:
            ready = poll.poll(_SILENT_SECONDS * 1000)
            if not ready:
                raise SideCarEndedError(f"it was silent for {_SILENT_SECONDS:g} s")
            for descriptor, _ in ready:
                if descriptor == self._output:
                    if not reading.read_from(descriptor):
                        raise SideCarEndedError(self._last_words())
                elif self._write(outgoing):
                    poll.unregister(descriptor)
        return reading.header, reading.text

    def _write(self, outgoing: deque[memoryview]) -> bool:
        """Write what the pipe takes; return whether nothing is left."""
        try:
            while outgoing:
                written = os.writev(self._input, list(outgoing)[:16])
                while outgoing and written >= len(outgoing[0]):
                    written -= len(outgoing.popleft())
                if written:
                    outgoing[0] = outgoing[0][written:]
        except BlockingIOError:
            return False
        except BrokenPipeError:
            return True  # its output says why
        return True

    def _last_words(self) -> str:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_END_SECONDS)
        self._errors.seek(0)
        words = self._errors.read(1 << 16).decode(errors="replace").split()
        code = self._process.returncode
        return f"it ended with {code}" + (f": {' '.join(words[:_MOST_WORDS])}" if words else "")

    @property
    def pid(self) -> int:
        """Number of the process."""
        return self._process.pid

    def close(self) -> None:
        """End the process; a second call does nothing."""
        process = self._process
        if process.stdin is None or process.stdin.closed:
            return
        self._close_pipes()
        try:
            process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def forget(self) -> None:
        """Close the copies of the pipes in a forked process, whose parent goes on using them."""
        self._close_pipes()
        self._process.returncode = 0  # it is no child of this process

    def _close_pipes(self) -> None:
        for stream in (self._process.stdin, self._process.stdout, self._errors):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()


class _AnswerReader:
    """Reads answers into the memory of the scores, as they come."""

    def __init__(self, scores: memoryview | None, number: int) -> None:
        self._first = number
        self.header = AnswerHeader(0, Kind.FACTS, 0)
        self.text = ""
        self.finished = 0
        self._scores = memoryview(b"") if scores is None else scores
        self._head = bytearray(frames.HEADER_BYTES)
        self._is_head = True
        self._into = memoryview(self._head)
        self._content = bytearray()

    def read_from(self, descriptor: int) -> bool:
        """Read what is there; return whether the other side is still open."""
        try:
            count = os.readv(descriptor, [self._into])
        except BlockingIOError:
            return True
        if count == 0:
            return False
        self._into = self._into[count:]
        while not len(self._into):
            self._take()
            if self._is_head:
                break
        return True

    def _take(self) -> None:
        """Go on with what follows a complete part."""
        if self._is_head:
            self._take_header()
            return
        if self.header.kind != Kind.SCORES:
            self.text = self.text or self._content.decode()
        self.finished += 1
        self._is_head = True
        self._head = bytearray(frames.HEADER_BYTES)
        self._into = memoryview(self._head)

    def _take_header(self) -> None:
        try:
            self.header = frames.read_header(self._head)
        except ValueError as error:
            raise SideCarEndedError(str(error)) from error
        size, expected = self.header.size, (self._first + self.finished) & _LARGEST_NUMBER
        has_scores = self.header.kind == Kind.SCORES
        if self.header.number != expected or (has_scores and size > len(self._scores)):
            raise SideCarEndedError(f"it gave {size} bytes to request {self.header.number} instead of {expected}")
        self._is_head = False
        if has_scores:
            self._into, self._scores = self._scores[:size], self._scores[size:]
        else:
            self._content = bytearray(size)
            self._into = memoryview(self._content)


def _refusal_of(words: str) -> Exception | None:
    """Return the error of a start that cannot work, given what Java wrote."""
    if "UnsupportedClassVersionError" in words:
        return MissingError(f"Java {LEAST_VERSION} or newer must be installed {_PURPOSE}; java in PATH is older.")
    if "ClassNotFoundException" in words or "Unable to access jarfile" in words:
        return MissingError(
            f"the suite's Java library must be of this Headrace {_PURPOSE}; {find_library()} has no {_MAIN}: run "
            "`make jvm` again, or set HEADRACE_JVM_LIBRARY to that of its release."
        )
    return None
