"""Load on a server over gRPC: unary ModelInfer calls of one row, from an asyncio client that needs a core itself."""

import asyncio
import statistics
import time
from collections.abc import Sequence

import numpy as np
import tritonclient.grpc.aio as triton


def load(address: str, row: Sequence[float], *, callers: int, seconds: float) -> dict[str, float]:
    """Ask for some seconds with a fixed number of calls in flight.

    Args:
        address: Host and port.
        row: The row, as one tensor (1, p).
        callers: Calls in flight.
        seconds: How long.

    Returns:
        ``requests_per_second``, ``p50_ms`` and ``p99_ms``.
    """
    return asyncio.run(_load(address, row, callers, seconds))


async def _load(address: str, row: Sequence[float], callers: int, seconds: float) -> dict[str, float]:
    tensor = triton.InferInput("rows", [1, len(row)], "FP64")
    tensor.set_data_from_numpy(np.array([row]))
    took: list[float] = []
    async with triton.InferenceServerClient(address) as client:
        await client.infer("bench", [tensor])
        deadline = time.perf_counter() + seconds

        async def ask() -> None:
            while time.perf_counter() < deadline:
                began = time.perf_counter()
                await client.infer("bench", [tensor])
                took.append(time.perf_counter() - began)

        await asyncio.gather(*(ask() for _ in range(callers)))
    hundredths = statistics.quantiles(took, n=100)
    return {
        "requests_per_second": round(len(took) / seconds, 1),
        "p50_ms": round(hundredths[49] * 1000, 3),
        "p99_ms": round(hundredths[98] * 1000, 3),
    }
