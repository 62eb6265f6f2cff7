"""Decides which events a collector accepts, and counts them."""

from collections.abc import Iterable
from dataclasses import dataclass

from headrace.core.base.errors import RequestError, quote
from headrace.core.contracts.contract import Contract
from headrace.monitoring.collect.collect_counts import CollectCounts, OtherServiceError
from headrace.monitoring.collect.payload_event import PayloadEvent
from headrace.monitoring.collect.payload_reader import PayloadReader, ReadPayload

MICROSECONDS = 1_000_000
_EARLIEST = 946_684_800 * MICROSECONDS  # the year 2000: a clock that was never set says 1970


@dataclass(frozen=True)
class IntakeOptions:
    """Which events are accepted.

    Attributes:
        services: Names of the InferenceServices whose events belong to the model; an event that names none is accepted.
        clock_allowance: How far clocks may differ, in seconds: an event from further in the future is refused, and one
            that is older than the newest one by more is counted as late.
    """

    services: frozenset[str]
    clock_allowance: float = 300.0


class EventIntake:
    """Reads and counts the events of one model."""

    def __init__(self, contract: Contract, options: IntakeOptions, counts: CollectCounts) -> None:
        """Prepare to read.

        Args:
            contract: The model's contract.
            options: Which events are accepted.
            counts: What is counted.
        """
        self._reader = PayloadReader(contract)
        self._options = options
        self._counts = counts

    def read(self, event: PayloadEvent, *, now: float, default_time: int | None = None) -> ReadPayload:
        """Return what is kept of an event; nothing is counted yet.

        Args:
            event: The event.
            now: Time of the wall clock, in seconds.
            default_time: Time of an event that says none, in microseconds since 1970; None for now.

        Raises:
            RequestError: If it is of another model, of the future, or not a request or response.
        """
        options = self._options
        if event.service and event.service not in options.services:
            raise OtherServiceError.of(event.service, options.services)
        if not event.is_predictor:
            raise RequestError(
                f"events must be of a predictor; got one of the component {quote(event.component, 40)}: set the logger "
                "of the predictor alone.",
                "component",
            )
        time = event.time
        if time is None:
            time = int(now * MICROSECONDS) if default_time is None else default_time
        if time > (now + options.clock_allowance) * MICROSECONDS:
            raise RequestError(
                f"the time of an event must be at most {options.clock_allowance:g} s ahead of this collector's clock; "
                f"this one is {time / MICROSECONDS - now:.0f} s ahead: set the clock of one of them.",
                "future",
            )
        if time < _EARLIEST:
            raise RequestError("the time of an event must be after the year 2000; set the sender's clock.", "past")
        return self._reader.read(event, time=time)

    def count(self, payloads: Iterable[tuple[PayloadEvent, ReadPayload]], *, in_order: bool = True) -> None:
        """Count accepted events.

        Args:
            payloads: The events, with what is kept of them.
            in_order: Whether they should come in the order of their times, so that an older one is late.
        """
        counts, allowance = self._counts, self._options.clock_allowance * MICROSECONDS
        for event, payload in payloads:
            counts.events += 1
            counts.removed_values += payload.removed
            counts.rows_left_out += payload.left_out
            counts.without_time += event.time is None
            counts.late += in_order and payload.event.time < counts.newest - allowance
            counts.newest = max(counts.newest, payload.event.time)

    def refuse(self, error: RequestError) -> None:
        """Count a refused event."""
        self._counts.refuse(error)
