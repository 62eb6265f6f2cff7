"""Where the artifacts lie that a run took from an earlier one: its own steps were given their addresses, and say so.

Kubeflow's API does not tell which run a step was taken from, only its metadata store does. But what a step prints first
is what it was given, with the address of each artifact, and that is ``ROOT/PIPELINE/RUN/TASK/SALT/ARTIFACT``.
"""

import re
from collections.abc import Iterable

_UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"


def places(logs: Iterable[str], *, home: str) -> dict[str, str]:
    """Where tasks of earlier runs left what the steps of a run were given.

    Args:
        logs: What the steps of the run printed.
        home: Prefix of the run's own objects, ``PREFIX/PIPELINE/RUN/``.

    Returns:
        Prefixes of objects with the last slash, by the task that left them.
    """
    above = home.rstrip("/").rpartition("/")[0]
    pattern = re.compile(rf"/{re.escape(above)}/({_UUID}/([a-z0-9-]+)/{_UUID}/)[^\"/]+\"")
    found = {}
    for log in logs:
        for place, task in pattern.findall(log):
            prefix = f"{above}/{place}"
            if not prefix.startswith(home):
                found[task] = prefix
    return found
