"""The program that fits networks: ``python -m headrace.deep.worker``, started by ``core/models/networks``.

Each line of its standard input is the folder of a request; each line of its standard output is a message, in JSON.
"""

import json
import os
import queue
import sys
import threading
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

from headrace.core.base.errors import HeadraceError


def main() -> None:
    """Fit what is asked for until the standard input ends."""
    # Whatever a library prints must not stand between the messages.
    messages = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    folders: queue.Queue[str] = queue.Queue()
    threading.Thread(target=_read, args=(folders,), daemon=True).start()
    while True:
        _answer(Path(folders.get()), messages)


def _read(folders: "queue.Queue[str]") -> None:
    for line in sys.stdin:
        folders.put(line.rstrip("\n"))
    # The owner is gone, perhaps in the middle of a fit.
    os._exit(0)


def _answer(folder: Path, messages: TextIO) -> None:
    def say(message: Mapping[str, Any]) -> None:
        messages.write(json.dumps(dict(message)) + "\n")
        messages.flush()

    try:
        from headrace.deep.fit_network import fit_network  # noqa: PLC0415 - its errors are answers too

        fit_network(folder, say)
        say({"done": True})
    except HeadraceError as error:
        say({"error": str(error), "kind": "data"})
    except Exception as error:  # noqa: BLE001 - its owner tells it
        traceback.print_exc()
        say({"error": f"the network could not be fitted; {type(error).__name__}: {error}", "kind": "internal"})


if __name__ == "__main__":
    main()
