"""The one way of a request behind all protocols: rows asked, checked, scored, explained."""

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
    """Answers what REST and gRPC decoded, without holding up other requests."""

    def __init__(self, live: ModelHolder, limits: RequestLimits, *, workers: int = 2) -> None:
        """Prepare to answer.

        Args:
            live: The model.
            limits: Bounds; ``waiting`` and ``seconds`` are read here.
            workers: Threads for long requests.
        """
        self.live = live
        self.limits = limits
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="long")
        self._waiting = 0

    def current_model(self) -> ServedModel:
        """Return the model that answers now.

        Raises:
            RequestError: If it is unloaded.
        """
        if self.live.unloaded:
            raise RequestError(f"the model {self.live.name} is not loaded; ask again shortly.", "unready")
        return self.live.served

    def require_ready(self) -> None:
        """Refuse to be ready while the model is unloaded, or requests should go elsewhere.

        Raises:
            RequestError: If it is so.
        """
        if not self.live.ready:
            raise RequestError(f"the model {self.live.name} is not ready; ask again shortly.", "unready")

    async def score(self, served: ServedModel, asked: InputRows) -> ScoredRows:
        """Return the answers to rows: at once if they are few and plain, in a thread otherwise.

        Raises:
            RequestError: If the contract refuses a row, or too many long requests wait.
        """
        scored = served.quick(asked)
        return await self.aside(served.full, asked) if scored is None else scored

    async def aside(self, work: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
        """Do long work in a thread.

        Raises:
            RequestError: If too many long requests wait, or this one takes too long.
        """
        if self._waiting >= self.limits.waiting:
            raise RequestError(
                f"at most {self.limits.waiting} long requests are worked on at once; ask again in a second.", "busy"
            )
        self._waiting += 1
        try:
            done = asyncio.get_running_loop().run_in_executor(self._pool, lambda: work(*arguments, **named))
            return await asyncio.wait_for(done, self.limits.seconds)
        except TimeoutError as error:
            raise RequestError(
                f"a request must be answered within {self.limits.seconds:g} s; send fewer rows at a time.", "slow"
            ) from error
        finally:
            self._waiting -= 1

    def close(self) -> None:
        """Let the threads end."""
        self._pool.shutdown(wait=False, cancel_futures=True)
