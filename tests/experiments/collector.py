"""What Katib's metrics collector makes of a trial's output, restated.

Source: ``pkg/metricscollector/v1beta1/file-metricscollector`` and ``.../common`` of kubeflow/katib.
"""

import re
from collections.abc import Sequence
from datetime import datetime

FILTER = re.compile(r"([\w|-]+)\s*=\s*([+-]?\d*(\.\d+)?([Ee][+-]?\d+)?)")


def collected(output: str, metrics: Sequence[str]) -> list[tuple[str, str, float]]:
    """Time, name and value of what is reported, in the order of the lines.

    Args:
        output: Standard output and error of the container.
        metrics: Names of the Experiment's metrics; lines without one of them are left out.
    """
    found = []
    for line in output.splitlines():
        if not any(name in line for name in metrics):
            continue
        moment = line.split(" ", 1)[0]
        try:
            datetime.fromisoformat(moment)
        except ValueError:
            moment = ""
        for match in FILTER.finditer(line):
            name, value = match[1].strip(), match[2].strip()
            if name in metrics and value:
                found.append((moment, name, float(value)))
    return found


def observation(output: str, metrics: Sequence[str]) -> list[dict[str, str]]:
    """``status.observation.metrics`` of a trial; ``unavailable`` where nothing was reported."""
    reported = collected(output, metrics)
    result = []
    for metric in metrics:
        values = [(moment, value) for moment, name, value in reported if name == metric]
        if not values:
            result.append({"name": metric, "latest": "unavailable", "min": "unavailable", "max": "unavailable"})
            continue
        numbers = [value for _, value in values]
        latest = max(values, key=lambda item: item[0])[1]
        result.append({"name": metric, "latest": repr(latest), "min": repr(min(numbers)), "max": repr(max(numbers))})
    return result
