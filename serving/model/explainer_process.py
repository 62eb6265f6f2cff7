"""Explanations, computed in a separate process: scikit-learn, shap and numba never load into the server.

The first request for an explanation starts the process, and so does the next one after its death. It ends with the
server.
"""

import asyncio
import functools
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from headrace.core.base.errors import RequestError
from headrace.core.runtime.processes import die_with_parent
from headrace.serving.model.limits import RequestLimits
from headrace.serving.model.served_model import ScoredRows, ServedModel

if TYPE_CHECKING:
    from headrace.core.inference.explain import Explainer
    from headrace.core.models.fitted_model import Model

_MOST_WAITING = 8


class ExplainerProcess:
    """Explains answers in a child process."""

    def __init__(self) -> None:
        """Initialize without a process; the first request starts it."""
        self._pool: ProcessPoolExecutor | None = None
        self._waiting = 0

    async def explain(self, served: ServedModel, scored: ScoredRows, limits: RequestLimits) -> list[Any]:
        """Return one explanation for each of n scored rows; see ``headrace.core.inference.explain.to_json``.

        Args:
            served: The model.
            scored: Its answers to n rows.
            limits: Limits, of which ``explained_rows`` and ``seconds`` apply.

        Raises:
            RequestError: If there are too many rows or requests, it takes too long, the process died, or the model has
                no exact contributions.
        """
        rows = len(scored.scores)
        if rows > limits.explained_rows:
            raise RequestError(
                f"at most {limits.explained_rows} rows are explained at once; got {rows}: send fewer at a time.", "size"
            )
        if self._waiting >= _MOST_WAITING:
            raise RequestError(
                f"at most {_MOST_WAITING} requests wait for explanations; ask again in a second.", "busy"
            )
        self._waiting += 1
        try:
            return await asyncio.wait_for(self._ask_process(served, scored), limits.seconds)
        except TimeoutError as error:
            raise RequestError(
                f"explanations must be found within {limits.seconds:g} s; ask for fewer rows.", "slow"
            ) from error
        finally:
            self._waiting -= 1

    def close(self) -> None:
        """Kill the process."""
        pool, self._pool = self._pool, None
        if pool is not None:
            processes = list((pool._processes or {}).values())  # noqa: SLF001 - shutdown would wait for the current task
            pool.shutdown(wait=False, cancel_futures=True)
            for process in processes:
                process.kill()

    async def _ask_process(self, served: ServedModel, scored: ScoredRows) -> list[Any]:
        if self._pool is None:
            # Not fork: the server runs threads, whose locks a forked child would inherit in whatever state they are.
            context = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(1, mp_context=context, initializer=die_with_parent)
        pool = self._pool
        work = functools.partial(_explain_rows, str(served.folder), served.digest, scored.matrix, _rewritten(served))
        try:
            return await asyncio.get_running_loop().run_in_executor(pool, work)
        except BrokenProcessPool as error:
            if self._pool is pool:
                self._pool = None
            raise RequestError("the process that explains answers ended; ask again.", "unready") from error


def _rewritten(served: ServedModel) -> frozenset[str]:
    return served.policy.rewritten if served.policy else frozenset()


def _explain_rows(folder: str, digest: str, matrix: NDArray[np.float64], rewritten: frozenset[str]) -> list[Any]:
    """Return the explanations of the rows of a model matrix (n, p); runs in the child process."""
    from headrace.core.inference.explain import to_json  # noqa: PLC0415 - takes seconds, which only this process spends

    explainer, model = _load_explainer(folder, digest, rewritten)
    return to_json(explainer.explain(matrix), model)


@functools.lru_cache(maxsize=1)
def _load_explainer(folder: str, digest: str, rewritten: frozenset[str]) -> "tuple[Explainer, Model]":
    from headrace.core.bundles.bundle import VerificationPolicy, open_bundle  # noqa: PLC0415 - as above
    from headrace.core.inference.explain import FILE, Explainer  # noqa: PLC0415

    bundle = open_bundle(Path(folder), VerificationPolicy(rewritten=rewritten))
    if bundle.digest != digest:
        raise RequestError("the model is being changed; ask again shortly.", "unready")
    model = bundle.model()
    return Explainer(model, bundle.json(FILE)), model
