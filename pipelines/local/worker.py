"""The process in which kfp.local runs a pipeline, apart from the one that a person watches.

kfp.local patches ``print`` and the root logger, and takes 1.5 s to import; here neither touches the command line.
"""

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from headrace.core.base import settings
from headrace.core.runtime.processes import when_released
from headrace.pipelines.local import prefork


def run(request: dict[str, Any]) -> None:
    """Run the ``pipeline`` of a name, or the compiled one of a ``file``, with its ``arguments``, below ``root``."""
    settings.before_mlflow()  # the warm process imports it
    prefork.start(Path(request["root"]).parent / "warm")
    from kfp import components, local  # noqa: PLC0415 - slow: after the lease is watched

    from headrace.pipelines.definitions.catalogue import pipeline  # noqa: PLC0415

    local.init(runner=local.SubprocessRunner(use_venv=False), pipeline_root=request["root"])
    file = request.get("file")
    found = components.load_component_from_file(file) if file else pipeline(request["pipeline"])
    found(**request["arguments"])


def main() -> None:
    """Read the request from standard input and run it; end with the whole process group when the owner is gone."""
    # Even where the owner ignores it: the group is ended by it, so that steps undo what they do elsewhere.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if lease := settings.lease_path():
        when_released(Path(lease), lambda: os.killpg(0, signal.SIGKILL))
    run(json.load(sys.stdin))


if __name__ == "__main__":
    main()
