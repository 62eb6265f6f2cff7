"""A server's own metrics: the text of its ``/metrics``, in Prometheus' format."""

import urllib3
from prometheus_client.parser import text_string_to_metric_families

from headrace.core.base.errors import StoreError
from headrace.stores.metrics.limited_answer import read_answer
from headrace.stores.metrics.metric_sample import MetricSample

MAX_BYTES = 32 << 20
_TIMEOUT = urllib3.Timeout(connect=2.0, read=10.0)


def make_pool() -> urllib3.PoolManager:
    """Return connections to servers, with short time-outs and without retries."""
    return urllib3.PoolManager(timeout=_TIMEOUT, retries=False)


def parse_samples(text: str) -> list[MetricSample]:
    """Return the samples of a text in Prometheus' format; none if the text is in another format."""
    try:
        families = list(text_string_to_metric_families(text))
    except ValueError:
        return []
    return [MetricSample(sample.name, sample.labels, sample.value) for family in families for sample in family.samples]


def read_samples(address: str, pool: urllib3.PoolManager) -> list[MetricSample]:
    """Read a server's ``/metrics``.

    Args:
        address: Its address, such as ``http://10.0.0.7:8080``.
        pool: Connections.

    Raises:
        StoreError: If it does not answer with status 200, or with more than 32 MiB.
    """
    where = f"the server's metrics at {address}/metrics"
    try:
        status, data = read_answer(pool, "GET", f"{address}/metrics", limit=MAX_BYTES)
    except urllib3.exceptions.HTTPError as error:
        raise StoreError(
            f"{where} must be readable; nothing answers there: start it, or correct the address."
        ) from error
    if status != 200:
        raise StoreError(f"{where} must be readable; the status is {status}: correct the address.")
    if data is None:
        raise StoreError(f"{where} must have at most {MAX_BYTES} bytes; they have more.")
    return parse_samples(data.decode("utf-8", "replace"))
