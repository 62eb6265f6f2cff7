"""Finds where the artifacts of cached steps are stored, by the addresses that later steps print.

Kubeflow's API does not say which run a cached step comes from; only its metadata store does. But each step first prints
its inputs, with the address of each artifact, which is ``ROOT/PIPELINE/RUN/TASK/SALT/ARTIFACT``.
"""

import re
from collections.abc import Iterable

_UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"


def find_prefixes(logs: Iterable[str], *, home: str) -> dict[str, str]:
    """Return where tasks of earlier runs stored the inputs of a run's steps.

    Args:
        logs: What the steps of the run printed.
        home: Prefix of the run's own objects, ``PREFIX/PIPELINE/RUN/``.

    Returns:
        Prefixes of objects with the last slash, by the task that wrote them.
    """
    above = home.rstrip("/").rpartition("/")[0]
    pattern = re.compile(rf"/{re.escape(above)}/({_UUID}/([a-z0-9-]+)/{_UUID}/)[^\"/]+\"")
    prefixes = {}
    for log in logs:
        for path, task in pattern.findall(log):
            prefix = f"{above}/{path}"
            if not prefix.startswith(home):
                prefixes[task] = prefix
    return prefixes
