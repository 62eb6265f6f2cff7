"""Runs one command twice in this process, on a small registry and on a large one, and prints CPU seconds of the second.

The first run imports all that the second needs, so that its time is that of the work alone. ``benchmarks/registry.py``
starts it with the packages of an earlier commit or of this one in front.
"""

import contextlib
import gc
import io
import json
import sys
import time
from pathlib import Path


def main() -> None:
    """Run ``registry_probe.py SMALL LARGE LINKS ARGUMENT...``: the first two hold a registry and a catalogue each."""
    small, large, links, *arguments = sys.argv[1:]
    sys.path.insert(0, links)
    from headrace.cli.main import app

    found = {}
    for folder in (small, large):
        addresses = [word.replace("HOME", folder) for word in arguments]
        output, errors = io.StringIO(), io.StringIO()
        gc.collect()
        began = time.process_time()
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
            app(addresses, standalone_mode=False)
        found = {"cpu": time.process_time() - began, "bytes": len(output.getvalue().encode())}
    if "--html" in arguments or "lineage" in arguments[:1]:
        page = Path(next(word for word in addresses if word.endswith(".html")))
        found["page"] = page.stat().st_size
    print(json.dumps(found))


if __name__ == "__main__":
    main()
