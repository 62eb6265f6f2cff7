"""The resource level of one window, from Prometheus or from the servers' own metrics."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from headrace.core.base.errors import InputError, quote
from headrace.core.monitors.decisions.policy import MonitoringPolicy
from headrace.core.monitors.reports.monitor_report import MonitorResult
from headrace.core.monitors.reports.time_window import TimeWindow
from headrace.core.monitors.service.resource_level import ResourceBounds, ResourceReading, measure_resources
from headrace.core.monitors.service.service_objectives import DEFAULT_OBJECTIVES
from headrace.monitoring.resources.prometheus_reading import EndpointQuery, read_prometheus
from headrace.monitoring.resources.server_reading import ServerScrape, compare_scrapes, scrape_servers
from headrace.stores.metrics.prometheus_api import PrometheusApi

SCRAPE_SECONDS = 5.0
# The side on which the bound of each monitor lies, and its name among the bounds.
_BOUNDS = {
    "availability": ("minimum", "least_availability"),
    "request_rate": ("minimum", "least_request_rate"),
    "error_rate": ("maximum", "most_error_rate"),
    "latency": ("maximum", "most_latency_seconds"),
    "cpu": ("maximum", "most_cpu_cores"),
    "memory": ("maximum", "most_memory_bytes"),
    "restarts": ("maximum", "most_restarts"),
    "lag": ("maximum", "most_lag_rows"),
}


@dataclass
class ResourceSource:
    """Where the resource level is read.

    Attributes:
        prometheus: Address of a Prometheus server; empty to read the servers themselves.
        servers: Addresses of the endpoint's servers, such as ``http://10.0.0.7:8080``; one without a scheme is http.
        name: Name under which the servers serve the model.
        selector: Further label matchers for Prometheus; empty for none.
        before: The last scrape of the servers; None before the first.
    """

    name: str
    prometheus: str = ""
    servers: tuple[str, ...] = ()
    selector: str = ""
    before: ServerScrape | None = None

    def __post_init__(self) -> None:
        """Raise if both are named, or an address is wrong.

        Raises:
            InputError: If so.
        """
        if self.prometheus and self.servers:
            raise InputError("the resource level is read from Prometheus or from the servers; name one of them.")
        if self.prometheus:
            PrometheusApi(self.prometheus)
        self.servers = tuple(_server_address(text) for text in self.servers)

    def measure(self, window: TimeWindow, policy: MonitoringPolicy | None = None) -> Sequence[MonitorResult]:
        """Return the results for a window; empty if neither is named.

        Servers know no past: what they are asked is what they did since the last time, or within five seconds.

        Args:
            window: The window.
            policy: The policy whose bounds take the place of the usual ones; None for these.
        """
        if not self.prometheus and not self.servers:
            return ()
        if self.prometheus:
            query = EndpointQuery(self.name, self.selector)
            api = PrometheusApi(self.prometheus)
            reading = read_prometheus(api, query, window, objectives=DEFAULT_OBJECTIVES)
        else:
            reading = self._scrape()
        bounds = find_bounds(policy) if policy else None
        return measure_resources(reading, bounds=bounds, objectives=DEFAULT_OBJECTIVES)

    def _scrape(self) -> ResourceReading:
        if self.before is None:
            self.start()
            time.sleep(SCRAPE_SECONDS)
        after = self._read()
        reading = compare_scrapes(self.before or after, after)
        self.before = after
        return reading

    def start(self) -> None:
        """Scrape the servers for the first time, if they are named."""
        if self.servers:
            self.before = self._read()

    def _read(self) -> ServerScrape:
        return scrape_servers({address: address for address in self.servers}, time=time.time())


def find_bounds(policy: MonitoringPolicy) -> ResourceBounds:
    """Return the bounds of the resource level: the policy's, and the usual one of each monitor that it gives none.

    A monitor holds its value to them with its interval and with what was not seen, which a comparison of the value
    alone does not.
    """
    given = {
        field: bound
        for name, (side, field) in _BOUNDS.items()
        if name in policy.monitors and (bound := getattr(policy.monitors[name], side)) is not None
    }
    return ResourceBounds(**given)


def _server_address(text: str) -> str:
    """Return the address of a server with its scheme.

    Raises:
        InputError: If it is another kind of address, or holds a password.
    """
    address = (text if "://" in text else f"http://{text}").rstrip("/")
    parts = urlsplit(address)
    if "@" in parts.netloc:
        raise InputError("a server's address must hold no name and no password, which would stand in logs; got some.")
    # The port is a text until it is asked for, which raises.
    host, port = parts.hostname, parts.netloc.rpartition("]")[2].rpartition(":")[2]
    if (
        parts.scheme not in {"http", "https"}
        or not host
        or parts.query
        or (port != parts.netloc and not port.isdigit())
    ):
        raise InputError(f"a server's address must be such as http://10.0.0.7:8080; got {quote(text)} instead.")
    return address
