"""A collector that is killed before or after one of the files that it writes: ``FOLDER NUMBER before|after``."""

import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

from headrace.monitoring.collect import collector
from headrace.monitoring.collect.collect_counts import CollectCounts
from headrace.monitoring.collect.topics import topic_sources
from tests.monitoring.collect.topics.made_topics import plan_in, stored, wait_for


def main() -> None:
    """Follow the topics until all 12 events are in the store."""
    folder, last, moment = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    written = 0
    replace, rename = os.replace, os.rename

    def count(move: Any) -> Any:
        def moved(*arguments: Any, **named: Any) -> None:
            nonlocal written
            written += 1
            if written == last and moment == "before":
                os.kill(os.getpid(), signal.SIGKILL)
            move(*arguments, **named)
            if written == last and moment == "after":
                os.kill(os.getpid(), signal.SIGKILL)

        return moved

    os.replace, os.rename = count(replace), count(rename)
    topic_sources._ROWS = 3  # batches that hold a part of the events
    collector._POLL_SECONDS = 0.01
    ended = threading.Event()

    def watch() -> None:
        wait_for(lambda: len([one for one in stored(folder).values() if None not in one]) == 12)
        ended.set()

    threading.Thread(target=watch, daemon=True).start()
    collector.follow_sources(plan_in(folder), [str(folder / "topics" / "events")], CollectCounts(), ended)


if __name__ == "__main__":
    main()
