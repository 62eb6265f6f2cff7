"""Scores of a MOJO of H2O, computed by h2o-genmodel in a Java process beside this one."""

import io
import logging
import os
import threading
import weakref
import zipfile
import zlib
from pathlib import Path
from typing import Self

import numpy as np

from headrace.core.base.errors import BundleError, RequestError
from headrace.core.base.files import dumps
from headrace.core.mojo.mojo_description import DESCRIPTION, MojoDescription
from headrace.core.mojo.side_car import SideCar, SideCarEndedError
from headrace.core.mojo.side_car_frames import Floats

_log = logging.getLogger(__name__)
_MOST_BYTES = 1 << 30
_MOST_UNPACKED_BYTES = 4 << 30


class MojoEngine:
    """Scores rows with a MOJO; may be called by several threads, which take turns.

    A process forked from this one starts a Java process of its own at its first call.

    Attributes:
        description: What the MOJO takes and gives.
    """

    name = "mojo"

    def __init__(self, mojo: bytes, description: MojoDescription, *, threads: int | None = None) -> None:
        """Start the Java process.

        Args:
            mojo: The MOJO.
            description: What it takes and gives.
            threads: Threads that score one table; None for one for each processor that this process may use.

        Raises:
            BundleError: If the MOJO is damaged, or one that h2o-genmodel cannot read, or does not fit its description.
            MissingError: If Java or the suite's Java library is missing or too old.
        """
        _check_zip(mojo)
        self._mojo = mojo
        self.description = description
        self._facts = dumps(description.as_json()).encode()
        self._threads = threads or _count_processors()
        self._lock = threading.Lock()
        self._is_closed = False
        self._side_car: SideCar | None = None
        try:
            self._ensure_started()
        except SideCarEndedError as error:
            raise BundleError(f"the Java process must start to score a MOJO; {error}.") from error
        _open_engines.add(self)

    @classmethod
    def open(cls, mojo: Path, description: MojoDescription, *, threads: int | None = None) -> Self:
        """Read a MOJO, and start the Java process; the file is not needed any more.

        Args:
            mojo: The file.
            description: What it takes and gives.
            threads: As above.

        Raises:
            BundleError: As above, or if the file cannot be read.
            MissingError: As above.
        """
        try:
            size = mojo.stat().st_size
            if size > _MOST_BYTES:
                raise BundleError(f"{mojo} must have at most {_MOST_BYTES} bytes; it has {size}.")
            content = mojo.read_bytes()
        except OSError as error:
            raise BundleError(
                f"the bundle must hold a MOJO; {mojo} cannot be read: package the model again."
            ) from error
        return cls(content, description, threads=threads)

    def predict(self, matrix: Floats) -> Floats:
        """Compute the scores of a matrix.

        Args:
            matrix: Model matrix (n, p). NaN is missing; a category is its place in the contract, -1 if not listed.

        Returns:
            Class probabilities (n, k) in the contract's order, or values (n,): of a regression, the normalised score of
            an isolation forest (H2O's ``predict``, which may exceed 1), or the reconstruction error of an autoencoder.
            NaN where H2O has no finite answer.

        Raises:
            DataError: If a category is none of the contract's.
            RequestError: If the Java process ended twice.
        """
        rows = np.ascontiguousarray(matrix, dtype=np.float64)
        width = len(self.description.classes)
        if rows.ndim != 2 or rows.shape[1] < self.description.columns:
            raise BundleError(
                f"{DESCRIPTION} must describe the model of its contract; it needs {self.description.columns} columns, "
                f"the matrix is {rows.shape}."
            )
        if not len(rows):
            return np.empty((0, width)) if width else np.empty(0)
        with self._lock:
            scores = self._ask(rows)
        return scores if width else scores[:, 0]

    def __call__(self, matrix: Floats) -> Floats:
        """Compute the scores of a matrix, as ``predict`` does."""
        return self.predict(matrix)

    def _ask(self, rows: Floats) -> Floats:
        try:
            return self._ensure_started().score(rows)
        except SideCarEndedError as error:
            _log.warning("The Java process that scores the MOJO is started again: %s", error)
            self._stop()
        try:
            return self._ensure_started().score(rows)
        except SideCarEndedError as error:
            self._stop()
            raise RequestError(
                f"the Java process that scores the MOJO must answer; it ended twice: {error}.", "unready"
            ) from error

    def _ensure_started(self) -> SideCar:
        if self._is_closed:
            raise BundleError("a MOJO must be open to score rows; it is closed.")
        if self._side_car is None:
            width = max(1, len(self.description.classes))
            self._side_car = SideCar(self._facts, self._mojo, width=width, threads=self._threads)
            self._finalizer = weakref.finalize(self, _close_own, self._side_car, os.getpid())
        return self._side_car

    def _stop(self) -> None:
        if self._side_car is not None:
            self._side_car.close()
            self._finalizer.detach()
            self._side_car = None

    @property
    def pid(self) -> int | None:
        """Number of the Java process; None while there is none."""
        return None if self._side_car is None else self._side_car.pid

    def close(self) -> None:
        """End the Java process once no thread uses it; a second call does nothing."""
        with self._lock:
            self._is_closed = True
            self._stop()

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the Java process."""
        self.close()

    def __reduce__(self) -> tuple[object, ...]:
        """Return what opens it in another process, which has a Java process of its own."""
        return _reopen, (type(self), self._mojo, self.description, self._threads)

    def _forget_after_fork(self) -> None:
        self._lock = threading.Lock()
        if self._side_car is not None:
            self._side_car.forget()
            self._finalizer.detach()
            self._side_car = None


def _reopen(kind: type[MojoEngine], mojo: bytes, description: MojoDescription, threads: int) -> MojoEngine:
    return kind(mojo, description, threads=threads)


def _close_own(side_car: SideCar, owner: int) -> None:
    if owner == os.getpid():
        side_car.close()


def _count_processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _check_zip(mojo: bytes) -> None:
    try:
        with zipfile.ZipFile(io.BytesIO(mojo)) as archive:
            fault = _fault_of(archive)
    except (zipfile.BadZipFile, NotImplementedError, EOFError, zlib.error):
        fault = "it is no whole ZIP"
    if fault:
        raise BundleError(f"model.mojo must be a MOJO as H2O wrote it; {fault}: package the model again.")


def _fault_of(archive: zipfile.ZipFile) -> str:
    if sum(entry.file_size for entry in archive.infolist()) > _MOST_UNPACKED_BYTES:
        return f"it has more than {_MOST_UNPACKED_BYTES} bytes unpacked"
    # genmodel reads a damaged entry without checking its sum.
    damaged = archive.testzip()
    if damaged:
        return f"its {damaged} is damaged"
    return "" if "model.ini" in archive.namelist() else "it has no model.ini"


_open_engines: weakref.WeakSet[MojoEngine] = weakref.WeakSet()


def _forget_all() -> None:
    for engine in list(_open_engines):
        engine._forget_after_fork()  # noqa: SLF001 - the same module


# A copy of the pipe in a forked process would keep the Java process alive after its owner's death.
os.register_at_fork(after_in_child=_forget_all)
