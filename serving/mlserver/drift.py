"""Drift as tensors: rows are counted in a window, and its monitors are asked when it is full."""

import threading
from dataclasses import asdict
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import orjson
from threadpoolctl import threadpool_limits

from headrace.core.base.errors import InputError, RequestError, quote
from headrace.core.drift.input_drift import ALPHA, SMALLEST_EFFECT, check_promise
from headrace.core.monitors.data.column_types import concat_rows
from headrace.core.monitors.data.count_window import WindowCounter
from headrace.core.monitors.data.data_results import FEWEST_ROWS, data_results
from headrace.core.monitors.reports.monitor_report import MonitorResult
from headrace.serving.mlserver.answerer import Answerer, read_profile, tensor
from headrace.serving.mlserver.stored_frame import input_frame, stored_frame
from headrace.serving.model.executor import RequestExecutor
from headrace.serving.model.served_model import InputRows, ScoredRows
from headrace.serving.protocols.json_body import Document

if TYPE_CHECKING:
    import polars as pl

WINDOW_ROWS = 1000
"""Rows of a window, unless a parameter says otherwise."""
MOST_WINDOW_ROWS = 1_000_000
# Rows are counted in blocks: one by one takes a hundred times as long.
_BLOCK_ROWS = 1000
_DRIFT = frozenset({"input_drift", "joint_drift", "prediction_drift"})
_ALARMS = frozenset({"violated", "data_fault"})
# Tensors and their datatypes; those of the tests have one value for each test.
_OF_WINDOW = {"rows": "INT64", "is_drift": "INT64", "threshold": "FP64"}
_OF_TESTS = {
    "p_val": "FP64",
    "distance": "FP64",
    "monitor": "BYTES",
    "subject": "BYTES",
    "status": "BYTES",
    "sentence": "BYTES",
}


class DriftAnswerer(Answerer):
    """Answers with ``rows`` (1,) of the window so far; the request that fills it gets the results of its monitors too.

    ``is_drift`` and ``threshold`` are (1,), the tests' tensors (k,). All results, as ``monitor.json`` has them, are
    JSON text in the response's parameter ``results``. Counts are of this process, and of one window.
    """

    def __init__(self, executor: RequestExecutor, *, window_rows: int = WINDOW_ROWS, alpha: float = ALPHA) -> None:
        """Start with an empty window.

        Args:
            executor: See ``Answerer``.
            window_rows: Rows after which a window is full.
            alpha: Chance of any false alarm in one window, above 0 and below 1.

        Raises:
            BundleError: If the bundle holds no reference profile.
            InputError: If a number is out of range.
        """
        super().__init__(executor)
        check_promise(alpha, SMALLEST_EFFECT)
        if not FEWEST_ROWS <= window_rows <= MOST_WINDOW_ROWS:
            raise InputError(
                f"window_rows must be {FEWEST_ROWS} to {MOST_WINDOW_ROWS}; got {quote(window_rows)} instead."
            )
        self._profile = read_profile(self.served)
        self._window_rows, self._alpha = window_rows, alpha
        self._lock = threading.Lock()
        self._counter = self._new_counter()
        self._pending: list[pl.DataFrame] = []
        self._rows = 0

    def describe_outputs(self) -> list[Document]:
        """Return name, datatype and shape of each output, for the model's metadata."""
        sizes = [(_OF_WINDOW, 1), (_OF_TESTS, -1)]
        return [
            {"name": name, "datatype": datatype, "shape": [size]}
            for outputs, size in sizes
            for name, datatype in outputs.items()
        ]

    async def answer(self, document: Document) -> Document:
        """Return the response to a request; see ``Answerer``."""
        columns = await self._read_columns(document)
        rows, results = await self._executor.run_in_thread(self._count, columns)
        count = tensor("rows", "INT64", [rows])
        if results is None:
            return self._respond(document, [count])
        described = orjson.dumps([asdict(result) for result in results]).decode()
        return self._respond(document, [count, *self._tensors(results)], {"results": described})

    def _count(self, columns: InputRows) -> tuple[int, tuple[MonitorResult, ...] | None]:
        """Add rows to the window; return its number of rows and, if they fill it, what its monitors say."""
        served = self.served
        inputs = input_frame(columns, served.scorer.contract)
        frame = stored_frame(inputs, self._try_score(columns), served, request=uuid4().hex)
        with self._lock:
            self._pending.append(frame)
            self._rows += frame.height
            rows = self._rows
            if rows < self._window_rows:
                if sum(one.height for one in self._pending) >= _BLOCK_ROWS:
                    self._count_pending()
                return rows, None
            self._count_pending()
            counts = self._counter.counts()
            self._counter, self._rows = self._new_counter(), 0
        return rows, data_results(self._profile, counts, alpha=self._alpha)

    def _count_pending(self) -> None:
        with threadpool_limits(1, user_api="blas"):
            self._counter.add(concat_rows(self._pending))
        self._pending = []

    def _try_score(self, columns: InputRows) -> ScoredRows | None:
        """Return the answers; None if the contract refuses a row, which the monitors count."""
        try:
            return self.served.predict_fast(columns) or self.served.predict_validated(columns)
        except RequestError:
            return None

    def _new_counter(self) -> WindowCounter:
        return WindowCounter(self.served.scorer.contract, self._profile)

    def _tensors(self, results: tuple[MonitorResult, ...]) -> list[Document]:
        drifted = any(result.monitor in _DRIFT and result.status in _ALARMS for result in results)
        tested = [result for result in results if result.p_value is not None and result.value is not None]
        values: dict[str, list[Any]] = {
            "p_val": [result.p_value for result in tested],
            "distance": [result.value for result in tested],
            "monitor": [result.monitor for result in tested],
            "subject": [result.subject for result in tested],
            "status": [result.status for result in tested],
            "sentence": [result.sentence for result in tested],
        }
        return [
            tensor("is_drift", "INT64", [int(drifted)]),
            tensor("threshold", "FP64", [self._alpha]),
            *(tensor(name, datatype, values[name]) for name, datatype in _OF_TESTS.items()),
        ]
