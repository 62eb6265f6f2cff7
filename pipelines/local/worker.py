"""The process in which kfp.local runs a pipeline, separate from the command line's.

kfp.local patches ``print`` and the root logger, and takes 1.5 s to import; a separate process keeps both away from it.
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
    """Run a shipped ``pipeline`` or a compiled ``file``, with ``arguments``; write artifacts below ``root``."""
    settings.before_mlflow()  # the warm process imports it
    prefork.start(Path(request["root"]).parent / "warm")
    from kfp import components, local  # noqa: PLC0415 - slow: after the lease is watched

    from headrace.pipelines.definitions.catalogue import pipeline  # noqa: PLC0415

    local.init(runner=local.SubprocessRunner(use_venv=False), pipeline_root=request["root"])
    file = request.get("file")
    component = components.load_component_from_file(file) if file else pipeline(request["pipeline"])
    component(**request["arguments"])


def main() -> None:
    """Read the request from standard input and run it; end with the whole process group when the owner dies."""
    # The owner may ignore SIGTERM, and children inherit that; the group must not, for steps undo their work on it.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    # A killed owner cannot signal, but its lease is released: then nothing of the group may stay behind.
    if lease := settings.lease_path():
        when_released(Path(lease), lambda: os.killpg(0, signal.SIGKILL))
    run(json.load(sys.stdin))


if __name__ == "__main__":
    main()
