"""``headrace stream``: score the events of a topic."""

from typing import Annotated, Any

import typer

from headrace.cli.options import run_options
from headrace.cli.options.command_parameters import given_options
from headrace.cli.options.model_argument import Model
from headrace.core.base.errors import InputError
from headrace.core.base.quantities import describe_count

EXAMPLES = """
Examples:

  headrace stream headrace-out/demo --from topics/events --to topics/answers --until-end

  headrace stream frauds@production --from kafka://127.0.0.1:9092/payments --to kafka://127.0.0.1:9092/scores

  headrace stream frauds@production --from kafka://broker:9092/payments --to kafka://broker:9092/scores \\
      --group frauds --instance frauds-0 --metrics 0.0.0.0:9466

  headrace stream frauds@production --from kafka://broker:9092/payments --to kafka://broker:9092/scores \\
      --candidate frauds@candidate --share 0.1 --test summer

  headrace stream frauds@production --from kafka://broker:9092/payments --to kafka://broker:9092/scores \\
      --values avro --schema-registry http://registry:8081 --answer-values avro

  headrace stream frauds@production --from kafka://broker:9092/payments --to kafka://broker:9092/scores \\
      --values protobuf --schema payments.desc --message shop.Payment

Login and certificates come from HEADRACE_KAFKA_USER, HEADRACE_KAFKA_PASSWORD, HEADRACE_SCHEMA_REGISTRY_USER and their
kin, never from an address.
"""


def stream(
    context: typer.Context,
    model: Model,
    source: Annotated[
        str, typer.Option("--from", metavar="TOPIC", help="Topic of the events: kafka://HOST:PORT/TOPIC, or a folder.")
    ],
    target: Annotated[str, typer.Option("--to", metavar="TOPIC", help="Topic of the answers, in the same place.")],
    *,
    dead_letter: Annotated[
        str,
        typer.Option(
            metavar="TOPIC", help="Topic of what breaks the contract.", show_default="that of --to with -dead-letter"
        ),
    ] = "",
    group: Annotated[
        str,
        typer.Option(help="Group whose workers share the partitions.", show_default="headrace- and the model's name"),
    ] = "",
    instance: Annotated[
        str, typer.Option(help="Name of this worker, the same after a restart.", show_default="a new one")
    ] = "",
    batch_rows: Annotated[int, typer.Option(help="Most events of a batch.", min=1, max=50_000)] = 2_000,
    batch_seconds: Annotated[
        float, typer.Option(help="Longest time to fill a batch, in seconds.", min=0, max=60)
    ] = 0.02,
    until_end: Annotated[
        bool, typer.Option("--until-end", help="Score what is there, and end; else go on until Ctrl-C.")
    ] = False,
    metrics: Annotated[
        str, typer.Option(metavar="HOST:PORT", help="Serve /metrics for Prometheus, /readyz and /healthz there.")
    ] = "",
    ready_rows: Annotated[
        int, typer.Option(help="Most unread events of a partition at which /readyz says yes.", min=0)
    ] = 10_000,
    version_seconds: Annotated[
        float, typer.Option(help="Pause between two looks for a new version of NAME@STAGE; 0 for none.", min=0)
    ] = 30.0,
    candidate: Annotated[
        str, typer.Option(metavar="MODEL", help="Another version, which answers a share of the keys.")
    ] = "",
    share: Annotated[float, typer.Option(help="Its share of the keys, 0.001 to 0.999.")] = 0.1,
    test: Annotated[
        str, typer.Option(metavar="NAME", help="A/B test that assigns the keys.", show_default="the model's name")
    ] = "",
    values: Annotated[
        str, typer.Option(metavar="FORM", help="How events are written: json, avro or protobuf.")
    ] = "json",
    schema: Annotated[
        str,
        typer.Option(
            metavar="FILE",
            help="Their schema: .avsc, a compiled descriptor set or .proto, or its number in the registry.",
            show_default="each event's own in the registry",
        ),
    ] = "",
    message: Annotated[
        str,
        typer.Option(metavar="NAME", help="Full name of the Protobuf message.", show_default="the schema's only one"),
    ] = "",
    schema_registry: Annotated[
        str, typer.Option(metavar="URL", help="Schema registry whose clients write the events: http://HOST:PORT.")
    ] = "",
    answer_values: Annotated[str, typer.Option(metavar="FORM", help="How answers are written: json or avro.")] = "json",
    answer_schema: Annotated[
        str, typer.Option(metavar="FILE", help="Write the Avro schema of the answers there.")
    ] = "",
    threads: Annotated[int, typer.Option(help="Threads of the inference engine.", min=1, max=256)] = 1,
    summary: run_options.SummaryFile = None,
    verbose: run_options.Verbose = False,
) -> None:
    """Score the events of a topic with MODEL, and write each answer once to another one, until interrupted."""
    import gc  # noqa: PLC0415 - as below
    import logging  # noqa: PLC0415 - as below

    from headrace.api import streaming  # noqa: PLC0415 - other commands need none of it
    from headrace.core.base.files import write_json  # noqa: PLC0415

    logging.basicConfig(
        force=True, level=logging.INFO if verbose else logging.WARNING, format="%(levelname)s %(name)s %(message)s"
    )
    for option in () if candidate else given_options(context, ("share", "test")):
        raise InputError(f"{option} is about the keys of a candidate; name it by --candidate, or leave {option} out.")
    for option in () if group else given_options(context, ("group",)):
        raise InputError(f"{option} must have a name; got an empty one instead.")
    # The objects of a batch hold no circles; to look for some among them takes a third of the time of a batch.
    gc.set_threshold(100_000, 50, 50)
    counts = streaming.stream(
        model,
        source,
        target,
        dead_letter=dead_letter,
        group=group,
        instance=instance,
        batch_rows=batch_rows,
        batch_seconds=batch_seconds,
        until_end=until_end,
        metrics=metrics,
        ready_rows=ready_rows,
        version_seconds=version_seconds,
        candidate=candidate,
        share=share if candidate else None,
        test=test,
        values=values,
        schema=schema,
        message=message,
        schema_registry=schema_registry,
        answer_values=answer_values,
        answer_schema=answer_schema,
        threads=threads,
        started=lambda url: typer.echo(f"Metrics: {url}"),
    )
    plain = counts.as_json()
    if summary:
        write_json(summary, plain)
    typer.echo(describe_counts(plain))


def describe_counts(counts: dict[str, Any]) -> str:
    """Return what a stream has counted in one line; counts of zero are left out.

    Args:
        counts: As ``StreamCounts.as_json`` returns them.
    """
    named = {
        "tombstones": ("tombstone", "passed on"),
        "omitted": ("dead letter", "without the bytes of their event"),
        "warnings": ("value", "with warnings"),
        "future": ("event", "from the future"),
        "aborted": ("transaction", "aborted and done again"),
        "swaps": ("new version", ""),
        "lost_offsets": ("offset", "lost, deleted before they were read"),
    }
    rejects = counts["rejects"]
    parts = [f"{describe_count(counts['events'], 'event')}, {describe_count(counts['answers'], 'answer')}"]
    if rejects:
        reasons = ", ".join(f"{reason} {count:,}" for reason, count in rejects.items())
        parts.append(f"{describe_count(sum(rejects.values()), 'dead letter')} ({reasons})")
    parts += [
        f"{describe_count(counts[name], noun)} {rest}".rstrip() for name, (noun, rest) in named.items() if counts[name]
    ]
    return "; ".join(parts)
