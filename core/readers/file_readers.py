"""Readers of each kind of source, which yield frames of one schema."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import date
from functools import partial
from itertools import chain
from typing import Literal

import polars as pl

from headrace.core.base.errors import InputError
from headrace.core.readers import jsonl_reader, parquet_reader
from headrace.core.readers.csv import rows
from headrace.core.readers.csv.dialect import CsvDialect, dialect_of, first_blocks
from headrace.core.readers.csv.footer import without_tail
from headrace.core.readers.csv.mark_policy import marks_of
from headrace.core.readers.csv.notes import NoteCollector, layout_notes
from headrace.core.readers.partitions import with_partitions
from headrace.core.readers.picture_reader import holds_pictures, picture_frames
from headrace.core.readers.schema_unification import UnifiedSchema
from headrace.core.runtime.background import ordered_map, prefetch
from headrace.core.tables import text_stream
from headrace.core.tables.dtypes import frame_of, unify_frames
from headrace.core.tables.row_blocks import blocks, without_lines
from headrace.core.tables.source import (
    BEYOND,
    MAX_COLUMNS,
    FileSource,
    QuerySource,
    ReadOptions,
    SourceFile,
    check_names,
    check_same,
    empty_frame,
)
from headrace.core.tables.text_stream import SourceDigest
from headrace.core.values.timestamps import beyond_note
from headrace.core.values.whitespace import trim_texts
from headrace.core.values.wide_numbers import count_rounded, rounded_note

Kind = Literal["CSV", "JSON Lines", "Parquet", "pictures"]

_JSON_BLOCK_BYTES = 4 * 2**20
_JSON_SUFFIXES = (".jsonl", ".ndjson", ".jsonl.gz", ".ndjson.gz")


def kind_of(file: SourceFile) -> Kind:
    """Return the kind of a file, by its first bytes, or by its name where these leave it open.

    Raises:
        MissingError: If there is no such file.
        InputError: If it is empty, or of an unsupported kind.
    """
    if file.path.is_file() and holds_pictures(file):
        return "pictures"
    start = text_stream.head(file)
    if start.startswith(b"PAR1"):
        return "Parquet"
    if file.name.lower().endswith(_JSON_SUFFIXES) or jsonl_reader.is_json_lines(start):
        return "JSON Lines"
    if file.name.lower().endswith((".json", ".json.gz")):
        raise InputError(f"{file.name} is not JSON Lines; write one JSON object per line, without an enclosing list.")
    return "CSV"


def file_frames(
    source: FileSource,
    options: ReadOptions,
    *,
    digest: SourceDigest,
    block_bytes: int,
    collector: NoteCollector | None = None,
) -> Iterator[pl.DataFrame]:
    """Yield the rows of a table in files; at least one frame, even without rows.

    Args:
        source: The files, all of one kind and one header.
        options: Options of the reader.
        digest: Digest that their bytes are added to.
        block_bytes: Approximate size of the blocks of text.
        collector: Receives notes on what was skipped or assumed.

    Raises:
        InputError: If a file cannot be read, or differs from the first.
    """
    with closing(source.opened()) as files:
        first = next(files)
        kind = kind_of(first)
        if kind != "CSV" and options.for_csv_only:
            raise InputError(
                f"the option {options.for_csv_only[0]} is for CSV only; omit it, for {first.name} is {kind}."
            )
        yield from _READERS[kind](
            chain([first], _alike(files, kind, first)), options, digest, block_bytes, collector or NoteCollector()
        )


def query_frames(
    source: QuerySource, options: ReadOptions, *, digest: SourceDigest, collector: NoteCollector | None = None
) -> Iterator[pl.DataFrame]:
    """Yield the rows of a query; at least one frame, even without rows.

    Args:
        source: The query.
        options: Which columns to leave out.
        digest: Digest that the rows are added to, as CSV.
        collector: Receives notes on decimals that lose digits in 64 bits, and on times outside the calendar.

    Raises:
        InputError: If a column has no name, two have the same, or values are of an unsupported type.
    """
    names, batches = source.rows()
    check_names(names, where=source.name)
    has_frames, lost, beyond = False, Counter[str](), Counter[str]()

    def make_frame(rows: list[tuple[object, ...]]) -> pl.DataFrame:
        columns: dict[str, Sequence[object]] = dict(zip(names, zip(*rows, strict=True), strict=True))
        for name, values in columns.items():
            if _may_hold_times(values) and BEYOND in values:
                beyond[name] += values.count(BEYOND)
                columns[name] = [None if value is BEYOND else value for value in values]
        lost.update({name: count_rounded(values) for name, values in columns.items()})
        return trim_texts(frame_of(columns, drop=options.drop_columns, table=source.name))

    with closing(batches):
        frames = map(make_frame, batches)
        for frame in unify_frames(frames, name=source.name):
            has_frames = True
            # A query has no bytes of its own, so its rows are digested as CSV.
            digest.update(frame.write_csv(include_header=False, null_value="\\N", quote_style="non_numeric").encode())
            yield frame
    if collector:
        collector.add(*(rounded_note(name, lost=count) for name, count in lost.items() if count))
        collector.add(*(beyond_note(name, count) for name, count in beyond.items()))
    if not has_frames:
        yield empty_frame(names)


def _may_hold_times(values: Sequence[object]) -> bool:
    first = next((value for value in values if value is not None), None)
    return first is BEYOND or isinstance(first, date)


def _alike(files: Iterator[SourceFile], kind: Kind, first: SourceFile) -> Iterator[SourceFile]:
    for file in files:
        other_kind = kind_of(file)
        if other_kind != kind:
            raise InputError(
                f"files of one table must be of one kind; {first.name} is {kind} and {file.name} {other_kind}."
            )
        yield file


def _csv(
    files: Iterator[SourceFile], options: ReadOptions, digest: SourceDigest, block_bytes: int, collector: NoteCollector
) -> Iterator[pl.DataFrame]:
    first: tuple[str, CsvDialect] | None = None
    for file in files:
        text = text_stream.text(file, encoding=options.encoding, digest=digest, chunk_bytes=block_bytes)
        with closing(prefetch(blocks(text, name=file.name, size=block_bytes))) as text_blocks:
            first_part = first_blocks(text_blocks)
            dialect = dialect_of(first_part, name=file.name, options=options, like=first and first[1])
            first = first or (file.name, dialect)
            check_same(dialect.kept, first=first[1].kept, name=file.name, first_name=first[0])
            collector.add(*layout_notes(dialect, file=file.name))
            collector.hints |= {"units": dialect.units} if dialect.units else {}
            collector.count("comment_lines", file.name, dialect.layout.commented if dialect.layout else 0)
            body = without_lines(chain(first_part, text_blocks), dialect.begin)
            bodies = without_tail(body, dialect=dialect, name=file.name, collector=collector)
            head = next(bodies)
            marks = marks_of(head, dialect=dialect, options=options, name=file.name, collector=collector)
            numbers = dict.fromkeys(options.numbers, pl.Float64) | dict.fromkeys(options.integers, pl.Int64)
            parse = partial(
                rows.parse,
                dialect=dialect,
                missing=marks.eager,
                listed=marks.listed,
                name=file.name,
                only=options.select_columns(dialect.kept),
                numbers=numbers,
                collector=collector,
            )
            with closing(ordered_map(parse, chain([head], bodies))) as frames:
                yield from with_partitions(frames, name=file.name, collector=collector)


def _json(
    files: Iterator[SourceFile], options: ReadOptions, digest: SourceDigest, block_bytes: int, collector: NoteCollector
) -> Iterator[pl.DataFrame]:
    lost = Counter[str]()

    def frames() -> Iterator[pl.DataFrame]:
        for file in files:
            text = text_stream.text(file, encoding=options.encoding, digest=digest)
            text_blocks = blocks(text, name=file.name, quotes=False, size=min(block_bytes, _JSON_BLOCK_BYTES))
            parsed = (
                trim_texts(jsonl_reader.parse(block, name=file.name, drop=options.drop_columns, lost=lost))
                for block in text_blocks
            )
            for frame in with_partitions(parsed, name=file.name, collector=collector):
                if frame.width > MAX_COLUMNS:
                    check_names(frame.columns, where=file.name)
                yield frame

    yield from unify_frames(frames(), name="the table")
    collector.add(*(rounded_note(name, lost=count) for name, count in lost.items() if count))


def _parquet(
    files: Iterator[SourceFile], options: ReadOptions, digest: SourceDigest, _: int, collector: NoteCollector
) -> Iterator[pl.DataFrame]:
    unified = UnifiedSchema(collector)
    for file in files:
        text_stream.digest_file(file, digest)
        indexes = parquet_reader.stored_indexes(file)
        collector.hints |= {"ids": indexes} if indexes else {}
        frames = parquet_reader.batches(file, options=options, collector=collector)
        for frame in with_partitions(frames, name=file.name, collector=collector):
            columns = list(unified.schema) or frame.columns
            if set(columns) != set(frame.columns):
                check_same(frame.columns, first=columns, name=file.name, first_name=unified.first)
            yield unified.conform(frame, name=file.name)


_Reader = Callable[[Iterator[SourceFile], ReadOptions, SourceDigest, int, NoteCollector], Iterator[pl.DataFrame]]


def _picture(
    files: Iterator[SourceFile], _: ReadOptions, digest: SourceDigest, __: int, collector: NoteCollector
) -> Iterator[pl.DataFrame]:
    yield from picture_frames(files, digest, collector)


_READERS: dict[Kind, _Reader] = {"CSV": _csv, "JSON Lines": _json, "Parquet": _parquet, "pictures": _picture}
