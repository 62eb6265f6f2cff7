"""The resource level of one window, from Prometheus or from the servers' own metrics."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from headrace.core.base.errors import InputError
from headrace.core.monitors.reports.monitor_report import MonitorResult
from headrace.core.monitors.reports.time_window import TimeWindow
from headrace.core.monitors.service.resource_level import ResourceReading, measure_resources
from headrace.monitoring.resources.prometheus_reading import EndpointQuery, read_prometheus
from headrace.monitoring.resources.server_reading import ServerScrape, compare_scrapes, scrape_servers
from headrace.stores.metrics.prometheus_api import PrometheusApi

SCRAPE_SECONDS = 5.0


@dataclass
class ResourceSource:
    """Where the resource level is read.

    Attributes:
        prometheus: Address of a Prometheus server; empty to read the servers themselves.
        servers: Addresses of the endpoint's servers, such as ``http://10.0.0.7:8080``.
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
        """Raise if both are named.

        Raises:
            InputError: If so.
        """
        if self.prometheus and self.servers:
            raise InputError("the resource level is read from Prometheus or from the servers; name one of them.")

    def measure(self, window: TimeWindow) -> Sequence[MonitorResult]:
        """Return the results for a window; empty if neither is named.

        Servers know no past: what they are asked is what they did since the last time, or within five seconds.

        Args:
            window: The window.
        """
        if self.prometheus:
            query = EndpointQuery(self.name, self.selector)
            return measure_resources(read_prometheus(PrometheusApi(self.prometheus), query, window))
        return measure_resources(self._scrape()) if self.servers else ()

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
