"""The events of an asset that started a DAG: each is handled once, in the order of their times. Imports no Airflow."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

_STORE_KEY = "headrace_events"
_OVERLAP = timedelta(hours=1)


def addresses(context: Mapping[str, Any], asset: Any, key: str = "address") -> list[str]:
    """Return the addresses of the events that no earlier run of this DAG has handled; call it once in a run.

    Airflow makes one run out of several events, and lists among those that triggered it only those up to the first one
    that was queued: the others are listed by the next run, which begins with the next event, whenever that is. So this
    looks at the asset's own events, and Airflow stores which of them were handled. Another try of the task, or the same
    task when it is cleared, gets the same addresses again. Events with the same address are one.

    Args:
        context: The task's context. The task has the asset as an inlet, and its DAG has ``max_active_runs=1``.
        asset: The asset.
        key: Name of the address in an event's extra.

    Raises:
        ValueError: If an event has no address, or the DAG may have several runs at once.
    """
    dag, own, shared = context["dag"], context["task_state_store"], context["asset_state_store"][asset]
    if dag.max_active_runs != 1:
        raise ValueError(
            f"the DAG {dag.dag_id} must have max_active_runs=1, so that two runs do not handle the same event; it has "
            f"{dag.max_active_runs}."
        )
    name = f"{_STORE_KEY}.{dag.dag_id}.{context['task'].task_id}"
    handled = shared.get(name) or {"since": _first(context["triggering_asset_events"], asset), "ids": []}
    if not handled["since"]:
        return []  # the DAG was started by hand, and no event came before
    since = datetime.fromisoformat(handled["since"])
    known = own.get(_STORE_KEY)
    # Two events may become visible in another order than that of their numbers: an hour is looked at again.
    events = [event for event in context["inlet_events"][asset] if known or event.timestamp >= since]
    mine = [event for event in events if (event.id in known if known else event.id not in handled["ids"])]
    mine.sort(key=lambda event: (event.timestamp, event.id))
    found = list(dict.fromkeys(_address(event, key) for event in mine))
    if mine:
        # First what this run has, then that it is handled: whoever is killed in between gets it again.
        own.set(_STORE_KEY, [event.id for event in mine])
        since = max(since, mine[-1].timestamp - _OVERLAP)
        ids = {*handled["ids"], *(event.id for event in mine)}
        recent = sorted(event.id for event in events if event.id in ids and event.timestamp >= since)
        shared.set(name, {"since": since.isoformat(), "ids": recent})
    return found


def _first(triggering: Mapping[Any, Any], asset: Any) -> str:
    """Return the time of the first event that triggered this run; empty if none did."""
    try:
        return str(min(event.timestamp for event in triggering[asset]).isoformat())
    except (KeyError, ValueError):
        return ""


def _address(event: Any, key: str) -> str:
    address = (event.extra or {}).get(key)
    if not isinstance(address, str) or not address:
        raise ValueError(
            f"an event of {event.asset.uri} must have {key!r}, an address, in its extra; that of {event.timestamp} has "
            f"{', '.join(sorted(event.extra or {})) or 'nothing'}."
        )
    return address
