"""``headrace tail``: look at the events of a topic."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from headrace.cli.options import run_options

if TYPE_CHECKING:
    from headrace.streams.views.event_view import EventView
    from headrace.streams.views.flow_counts import FlowCounts

EXAMPLES = """
Examples:

  headrace tail topics/answers --last 20

  headrace tail kafka://127.0.0.1:9092/scores

  headrace tail kafka://127.0.0.1:9092/scores-dead-letter --from-beginning --until-end

  headrace tail topics/answers --from-beginning --rows 1000 --json > answers.jsonl

Login and certificates come from HEADRACE_KAFKA_USER, HEADRACE_KAFKA_PASSWORD and their kin, never from an address.
"""
_PLAIN_WIDTH = 200
_CLEAR = "\r\x1b[K"


def tail(
    topic: Annotated[str, typer.Argument(metavar="TOPIC", help="kafka://HOST:PORT/TOPIC, or the folder of a topic.")],
    *,
    from_beginning: Annotated[
        bool,
        typer.Option("--from-beginning", help="Begin with the first event; else with those that come from now on."),
    ] = False,
    last: Annotated[int, typer.Option(help="Begin with so many of the latest events.", min=0)] = 0,
    rows: Annotated[int, typer.Option(help="End after so many events; 0 for no end.", min=0)] = 0,
    until_end: Annotated[
        bool, typer.Option("--until-end", help="End when all is shown that was there; else go on until Ctrl-C.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="One JSON object a line instead of a table.")] = False,
    width: Annotated[
        int, typer.Option(help="Most columns of a line.", show_default="the terminal's, else 200", min=0)
    ] = 0,
    verbose: run_options.Verbose = False,
) -> None:
    """Show the events of TOPIC as they come: answers, dead letters with their reasons, or any others."""
    import logging  # noqa: PLC0415 - as below
    import time  # noqa: PLC0415 - as below

    from headrace.streams.topic_address import parse_topic  # noqa: PLC0415 - other commands need none of it
    from headrace.streams.topic_following import FollowedPart, follow_topic, require_open  # noqa: PLC0415 - as above
    from headrace.streams.views.event_table import describe_flow  # noqa: PLC0415 - as below
    from headrace.streams.views.flow_counts import FlowCounts  # noqa: PLC0415 - as above

    # A message takes the place of the line of counts, which is then written again.
    begin = _CLEAR if sys.stderr.isatty() and sys.stdout.isatty() else ""
    level = logging.INFO if verbose else logging.WARNING
    logging.basicConfig(force=True, level=level, format=f"{begin}%(levelname)s %(name)s %(message)s")
    address = parse_topic(topic)
    part = FollowedPart(from_beginning=from_beginning, last=last, rows=rows, until_end=until_end)
    counts, screen = FlowCounts(), _JsonLines() if json else _Table(width)
    is_open = False
    try:
        for events in follow_topic(address, part):
            is_open, now = True, time.monotonic()
            counts.add(events, now)
            screen.show(events, counts, now)
    except KeyboardInterrupt:  # how a look at a stream ends
        require_open(address, is_open=is_open)
    screen.end(describe_flow(counts))


class _JsonLines:
    """One JSON object a line; the counts go to standard error."""

    def show(self, events: "list[EventView]", _counts: "FlowCounts", _now: float) -> None:
        """Write events."""
        import json  # noqa: PLC0415 - the command's option has its name

        for event in events:
            # ASCII, so that no control character of an event reaches a terminal.
            text = json.dumps(event.as_json(), ensure_ascii=True, separators=(",", ":"))
            sys.stdout.write(text.replace("\x7f", "\\u007f") + "\n")
        sys.stdout.flush()

    def end(self, sentence: str) -> None:
        """Write the counts."""
        sys.stderr.write(sentence + "\n")


class _Table:
    """A table; in a terminal, counts and the rate stand below it."""

    def __init__(self, width: int) -> None:
        import shutil  # noqa: PLC0415 - as above

        from headrace.streams.views.event_table import EventTable, utc_today  # noqa: PLC0415 - as above

        self._lives = sys.stdout.isatty()
        self._width = width or (shutil.get_terminal_size().columns if self._lives else _PLAIN_WIDTH)
        self._table = EventTable(self._width, utc_today())
        self._headed = False

    def show(self, events: "list[EventView]", counts: "FlowCounts", now: float) -> None:
        """Write events, and below them the counts."""
        from headrace.streams.views.event_table import describe_flow  # noqa: PLC0415 - as above
        from headrace.streams.views.safe_text import fit  # noqa: PLC0415 - as above

        lines = [self._table.line(event) for event in events]
        if lines and not self._headed:
            self._headed = True
            lines.insert(0, self._table.head)
        text = "".join(f"{line}\n" for line in lines)
        if self._lives:
            text = f"{_CLEAR}{text}{fit(describe_flow(counts, now), self._width - 1)}"
        sys.stdout.write(text)
        sys.stdout.flush()

    def end(self, sentence: str) -> None:
        """Write the counts in place of those that changed."""
        sys.stdout.write(f"{_CLEAR if self._lives else ''}{sentence}\n")
        sys.stdout.flush()
