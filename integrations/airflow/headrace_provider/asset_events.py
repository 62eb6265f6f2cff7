"""The events that started a run of a DAG: each once, in their order."""

from collections.abc import Iterable
from typing import Any


def addresses(events: Iterable[Any], key: str = "address") -> list[str]:
    """Return the address that each event bears, in the order of their times.

    Airflow makes one run of a DAG out of all the events that have come since the last one, in any order; a run that
    takes only the last would lose the others. Map a task over the addresses, and each event is handled once. Events
    with the same address are one: the latest content is there.

    Args:
        events: ``triggering_asset_events[asset]``.
        key: Name of the address in the event's extra.

    Raises:
        ValueError: If an event bears none: the run would leave it out without a word.
    """
    found: dict[str, None] = {}
    for event in sorted(events, key=lambda event: event.timestamp):
        address = (event.extra or {}).get(key)
        if not isinstance(address, str) or not address:
            raise ValueError(
                f"an event of {event.asset.uri} must bear {key!r}, an address, in its extra; that of "
                f"{event.timestamp} has {', '.join(sorted(event.extra or {})) or 'nothing'}."
            )
        found[address] = None
    return list(found)
