"""``headrace collect``: store what a model receives and answers."""

from pathlib import Path
from typing import Annotated

import typer

from headrace.cli.options import run_options
from headrace.cli.options.model_argument import Model
from headrace.core.base.quantities import describe_count

EXAMPLES = """
Examples:

  headrace collect headrace-out/demo monitoring --from payloads.jsonl

  headrace collect headrace-out/demo monitoring --from http://0.0.0.0:8081

  headrace collect headrace-out/demo monitoring --from payloads.jsonl --follow

  headrace collect frauds@production monitoring --from kafka://127.0.0.1:9092/payments --answers kafka://127.0.0.1:9092/scores

  headrace collect tumours@production s3://monitoring/models --from s3://logs/kserve --service tumours-eu
"""


def collect(
    model: Model,
    store: Annotated[str, typer.Argument(metavar="STORE", help="Monitoring store: a folder, or s3://BUCKET/PREFIX.")],
    sources: Annotated[
        list[str],
        typer.Option(
            "--from",
            metavar="SOURCE",
            help="Where payloads come from: a log file, a folder, s3://BUCKET/PREFIX, kafka://HOST:PORT/TOPIC, or "
            "http://HOST:PORT to receive events; repeatable.",
        ),
    ],
    *,
    follow: Annotated[
        bool,
        typer.Option(
            "--follow", help="Follow files, folders, prefixes and topics until Ctrl-C; else read what is there."
        ),
    ] = False,
    answers: Annotated[
        str,
        typer.Option(
            help="Topic of the answers of `headrace stream`; --from is then the topic of the events.", metavar="TOPIC"
        ),
    ] = "",
    dead_letter: Annotated[
        str,
        typer.Option(
            help="Topic of the dead letters.", metavar="TOPIC", show_default="the answers' with -dead-letter at its end"
        ),
    ] = "",
    group: Annotated[
        str,
        typer.Option(
            help="Group whose positions in topics are kept.", metavar="NAME", show_default="one of this model and store"
        ),
    ] = "",
    service: Annotated[
        list[str] | None,
        typer.Option(
            "--service", help="InferenceService that serves the model; repeatable.", show_default="the model's name"
        ),
    ] = None,
    journal: Annotated[
        Path, typer.Option(help="Folder for events that are acknowledged, but not stored yet.", metavar="FOLDER")
    ] = Path("headrace-journal"),
    store_seconds: Annotated[
        float, typer.Option(help="Longest time from an event's arrival to its row in the store.", min=0.1, max=3600)
    ] = 60.0,
    unwritten_bytes: Annotated[
        int, typer.Option(help="Bytes of events not yet stored beyond which a receiver answers 503.", min=1 << 20)
    ] = 256 << 20,
    clock_allowance: Annotated[
        float, typer.Option(help="How far clocks may differ, in seconds.", min=0, max=86_400)
    ] = 300.0,
    summary: run_options.SummaryFile = None,
    verbose: run_options.Verbose = False,
) -> None:
    """Store the rows that MODEL has scored in STORE, from its logged requests and responses."""
    import logging  # noqa: PLC0415 - as below

    from headrace.api.monitoring import collecting  # noqa: PLC0415 - polars is slow to import
    from headrace.core.base.files import write_json  # noqa: PLC0415

    logging.basicConfig(
        force=True, level=logging.INFO if verbose else logging.WARNING, format="%(levelname)s %(name)s %(message)s"
    )
    counts = collecting.collect(
        model,
        store,
        sources,
        follow=follow,
        answers=answers,
        dead_letter=dead_letter,
        group=group,
        services=service or (),
        journal=journal,
        store_seconds=store_seconds,
        unwritten_bytes=unwritten_bytes,
        clock_allowance=clock_allowance,
        started=lambda url: typer.echo(f"Events are received at {url} until Ctrl-C."),
    )
    if summary:
        write_json(summary, counts.as_json())
    typer.echo(describe_counts(counts.as_json()))
    if counts.other_services:
        typer.echo(f"headrace: {counts.describe_services()}.", err=True)


def describe_counts(counts: dict[str, object]) -> str:
    """Return what a collector has counted in one line; counts of zero are left out.

    Args:
        counts: As ``CollectCounts.as_json`` returns them.
    """
    named = {
        "duplicates": ("repeated event", ""),
        "incomplete": ("row", " without request or answer"),
        "removed_values": ("value", " removed (personal, or outside the contract)"),
        "rows_left_out": ("row", " left out by the sender"),
        "without_time": ("event", " without a time"),
        "late": ("late event", ""),
        "damaged": ("damaged record", ""),
        "store_failures": ("failure", " of the store"),
        "lost_offsets": ("offset", " deleted before reading"),
        "tombstones": ("tombstone", ""),
    }
    numbers = {name: value for name, value in counts.items() if isinstance(value, int)}
    stored = f"{describe_count(numbers['rows'], 'row')} stored"
    if numbers["stored_before"]:
        verb = "was" if numbers["stored_before"] == 1 else "were"
        before = f"{numbers['stored_before']:,} {verb} stored before"
        stored = f"{describe_count(numbers['rows'], 'new row')}, {before}"
    parts = [f"{describe_count(numbers['events'], 'event')}, {stored}"]
    parts += [f"{describe_count(numbers[name], noun)}{rest}" for name, (noun, rest) in named.items() if numbers[name]]
    letters = counts["dead_letters"]
    if isinstance(letters, dict) and letters:
        reasons = ", ".join(f"{reason} {count:,}" for reason, count in letters.items())
        parts.append(f"{describe_count(sum(letters.values()), 'dead letter')} ({reasons})")
    refused = counts["refused"]
    if isinstance(refused, dict) and refused:
        reasons = ", ".join(f"{reason} {count:,}" for reason, count in refused.items())
        parts.append(f"{sum(refused.values()):,} refused ({reasons})")
    return "; ".join(parts)
