"""The answer to a request, within a bound on its size."""

from collections.abc import Mapping

import urllib3


def read_answer(
    pool: urllib3.PoolManager,
    method: str,
    url: str,
    *,
    limit: int,
    body: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> tuple[int, bytes | None]:
    """Send a request and read its answer.

    Args:
        pool: Connections, with their time-outs.
        method: HTTP method.
        url: Address.
        limit: Largest size of the answer in bytes, after its content encoding.
        body: Body of the request; None for none.
        headers: Its headers.

    Returns:
        The status, and the answer; None instead of an answer that is larger.

    Raises:
        urllib3.exceptions.HTTPError: If there is no answer.
    """
    response = pool.request(method, url, body=body, headers=headers, preload_content=False)
    try:
        data = response.read(limit + 1)
        if len(data) <= limit:
            response.release_conn()
            return response.status, data
        return response.status, None
    finally:
        response.close()
