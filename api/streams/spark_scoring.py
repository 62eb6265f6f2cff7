"""Functions that score inside Spark's Python workers."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from headrace.api.model_reference import ModelReference, resolve_model
from headrace.core.base.errors import InputError

if TYPE_CHECKING:
    from headrace.streams.spark.pinned_model import PinnedModel
    from headrace.streams.spark.row_scorer import SparkRowScorer
    from headrace.streams.spark.topic_scorer import SparkTopicScorer


def spark_scorer(
    model: ModelReference, *, keep: Mapping[str, str] | None = None, executor_path: str = "", threads: int = 1
) -> "SparkRowScorer":
    """Return a function that scores the rows of a data frame of Spark, streaming or not.

    ::

        scorer = hr.spark_scorer("frauds@production", keep=dict(payments.select("id").dtypes))
        scores = payments.mapInArrow(scorer, schema=scorer.schema)

    Rows are validated and scored as ``score`` does. Columns of the result: those of ``keep``; ``label`` and
    ``probability_CLASS``, or ``value``; ``status`` (``scored`` or ``refused``), ``violations`` (rules and columns),
    ``reason`` (a sentence about a refused row) and ``model_digest``.

    Args:
        model: A run's or a bundle's folder that the executors can read too, a store URI, ``NAME@VERSION``, a ``Run`` or
            a ``Bundle``. The version that is meant now scores all rows; a worker that finds another bundle refuses it.
        keep: Columns to pass on, with Spark's types by name, such as ``dict(frame.select("id").dtypes)``.
        executor_path: The bundle's folder where the executors have it, such as that of an archive that the query
            brings along; empty for the same as here.
        threads: Threads of the inference engine in each of Spark's tasks.

    Returns:
        The function; its ``schema`` is Spark's DDL of what it returns.

    Raises:
        MissingError: If there is no such model.
        InputError: If a column to keep has the name of a prediction's, or is no pair of texts.
        BundleError: If the bundle is incomplete or altered.
    """
    from headrace.streams.spark.row_scorer import SparkRowScorer, column_types  # noqa: PLC0415 - polars is slow to import

    kept = column_types(keep or {})
    pinned, classes = _pin(model, executor_path, threads)
    return SparkRowScorer(pinned, classes, kept)


def spark_topic_scorer(
    model: ModelReference,
    *,
    answers: str,
    dead_letters: str = "",
    largest_record: int = 1_048_576,
    executor_path: str = "",
    threads: int = 1,
) -> "SparkTopicScorer":
    """Return a function that scores events of Spark's Kafka source, and gives the records for its Kafka sink.

    ::

        scorer = hr.spark_topic_scorer("frauds@production", answers="scores")
        records = events.mapInArrow(scorer, schema=scorer.schema)

    Values, answers, tombstones and dead letters are those of ``stream``. Columns of the result: ``topic``,
    ``partition``, ``key``, ``value`` and ``headers``, which the sink writes; ``event_topic``, ``event_partition`` and
    ``event_offset``, which name an event; ``status`` (``scored``, ``refused`` or ``tombstone``),
    ``reason`` (one word for a refused event) and ``model_digest``.

    Args:
        model: See ``spark_scorer``.
        answers: Topic of the answers; it needs as many partitions as that of the events.
        dead_letters: Topic of the events that break the contract, likewise; empty for the topic of the answers with
            ``-dead-letter`` at its end.
        largest_record: Most bytes of a record; the sink's option ``kafka.max.request.size`` and the topics'
            ``max.message.bytes`` must allow it.
        executor_path: See ``spark_scorer``.
        threads: Threads of the inference engine in each of Spark's tasks.

    Returns:
        The function; its ``schema`` is Spark's DDL of what it returns.

    Raises:
        MissingError: If there is no such model.
        InputError: If answers and dead letters are not two topics, or no record would be small enough.
        BundleError: If the bundle is incomplete or altered.
    """
    from headrace.streams.spark.topic_scorer import SparkTopicScorer  # noqa: PLC0415 - onnxruntime is slow to import

    pinned, _ = _pin(model, executor_path, threads)
    return SparkTopicScorer(pinned, answers, dead_letters or f"{answers}-dead-letter", largest_record)


def _pin(model: ModelReference, executor_path: str, threads: int) -> tuple["PinnedModel", tuple[str, ...]]:
    """Return the model that is meant now, after it has answered its test cases here, and its classes."""
    from headrace.streams.spark.pinned_model import PinnedModel, open_model  # noqa: PLC0415 - as above

    location, version = _locate(model)
    served = open_model(location, threads=threads)
    if served.scorer.answers_alerts:
        raise InputError(
            f"Spark's workers answer no anomaly scores, and {served.name} is an anomaly model: score its rows with "
            "hr.score or a stream."
        )
    return (
        PinnedModel(served.name, version, served.digest, executor_path or location, threads),
        served.classes,
    )


def _locate(model: ModelReference) -> tuple[str, str]:
    """Return the absolute folder of a bundle, or its address in a store, and its version in the registry."""
    if isinstance(model, str) and "@" in model and "://" not in model and not Path(model).exists():
        from headrace.registry.resolve import find_bundle  # noqa: PLC0415 - a folder needs no registry

        location, version = find_bundle(model)
    else:
        location, version = resolve_model(model), ""
    return (location if "://" in location else str(Path(location).absolute())), version
