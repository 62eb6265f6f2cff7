"""Execution of requests behind all protocols: rows are validated and scored, long work runs in threads."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from headrace.core.base.errors import RequestError
from headrace.serving.model.limits import RequestLimits
from headrace.serving.model.model_holder import ModelHolder
from headrace.serving.model.served_model import InputRows, ScoredRows, ServedModel

P = ParamSpec("P")
T = TypeVar("T")


class RequestExecutor:
    """Answers what REST and gRPC decoded, without delaying other requests."""

    def __init__(self, live: ModelHolder, limits: RequestLimits, *, workers: int = 2) -> None:
        """Create the threads.

        Args:
            live: The model.
            limits: Limits, of which ``waiting`` and ``seconds`` apply.
            workers: Threads for long requests.
        """
        self.holder = live
        self.limits = limits
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="long")
        self._waiting = 0

    def current_model(self) -> ServedModel:
        """Return the model that answers now.

        Raises:
            RequestError: If it is unloaded.
        """
        if self.holder.unloaded:
            raise RequestError(f"the model {self.holder.name} is not loaded; ask again shortly.", "unready")
        return self.holder.served

    def require_ready(self) -> None:
        """Raise if the model is unloaded or the server drains, so that requests should go elsewhere.

        Raises:
            RequestError: If the server is not ready.
        """
        if not self.holder.ready:
            raise RequestError(f"the model {self.holder.name} is not ready; ask again shortly.", "unready")

    async def score(self, served: ServedModel, rows: InputRows) -> ScoredRows:
        """Return the answers to rows: at once if they are few and plainly valid, from a thread otherwise.

        Args:
            served: The model.
            rows: n rows, or columns of n values.

        Raises:
            RequestError: If the contract refuses a row, or too many long requests wait.
        """
        scored = served.predict_fast(rows)
        return await self.run_in_thread(served.predict_validated, rows) if scored is None else scored

    async def run_in_thread(self, work: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
        """Run long work in a thread and return its result.

        Raises:
            RequestError: If too many long requests wait, or this one takes too long.
        """
        if self._waiting >= self.limits.waiting:
            raise RequestError(
                f"at most {self.limits.waiting} long requests are worked on at once; ask again in a second.", "busy"
            )
        self._waiting += 1
        try:
            future = asyncio.get_running_loop().run_in_executor(self._pool, lambda: work(*arguments, **named))
            return await asyncio.wait_for(future, self.limits.seconds)
        except TimeoutError as error:
            raise RequestError(
                f"a request must be answered within {self.limits.seconds:g} s; send fewer rows at a time.", "slow"
            ) from error
        finally:
            self._waiting -= 1

    def close(self) -> None:
        """Shut the threads down."""
        self._pool.shutdown(wait=False, cancel_futures=True)
