"""Each kind of source as frames of one schema."""

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
from headrace.core.readers.csv.missing_marks import marks_of
from headrace.core.readers.csv.notes import NoteCollector, layout_notes
from headrace.core.readers.partitions import with_partitions
from headrace.core.readers.schema_unification import UnifiedSchema
from headrace.core.runtime.background import ahead, each
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

Kind = Literal["CSV", "JSON Lines", "Parquet"]

_JSON_BLOCK_BYTES = 4 * 2**20
_JSON_SUFFIXES = (".jsonl", ".ndjson", ".jsonl.gz", ".ndjson.gz")


def kind_of(file: SourceFile) -> Kind:
    """What a file is, by its first bytes; by its name where they leave it open.

    Raises:
        MissingError: If there is no such file.
        InputError: If it is empty, or of a kind that is not read.
    """
    start = text_stream.head(file)
    if start.startswith(b"PAR1"):
        return "Parquet"
    if file.name.lower().endswith(_JSON_SUFFIXES) or jsonl_reader.is_json_lines(start):
        return "JSON Lines"
    if file.name.lower().endswith((".json", ".json.gz")):
        raise InputError(f"{file.name} is not JSON Lines; write one JSON object per line, without a list around them.")
    return "CSV"


def file_frames(
    source: FileSource,
    options: ReadOptions,
    *,
    digest: SourceDigest,
    block_bytes: int,
    told: NoteCollector | None = None,
) -> Iterator[pl.DataFrame]:
    """The rows of a table in files; at least one frame, even without rows.

    Args:
        source: The files, all of one kind and one header.
        options: How they are read.
        digest: Takes their bytes.
        block_bytes: Size of the blocks of text, about.
        told: Takes what was left out or guessed.

    Raises:
        InputError: If a file cannot be read, or is not like the first.
    """
    with closing(source.opened()) as files:
        first = next(files)
        kind = kind_of(first)
        if kind != "CSV" and options.for_csv_only:
            raise InputError(
                f"the option {options.for_csv_only[0]} is for CSV only; omit it, for {first.name} is {kind}."
            )
        yield from _READERS[kind](
            chain([first], _alike(files, kind, first)), options, digest, block_bytes, told or NoteCollector()
        )


def query_frames(
    source: QuerySource, options: ReadOptions, *, digest: SourceDigest, told: NoteCollector | None = None
) -> Iterator[pl.DataFrame]:
    """The rows of a query; at least one frame, even without rows.

    Args:
        source: The query.
        options: Which columns to leave out.
        digest: Takes the rows as CSV.
        told: Takes what decimals lose as numbers of 64 bits, and which times no calendar has.

    Raises:
        InputError: If a column has no name, or stands twice, or its values are of a type that no table has.
    """
    names, batches = source.rows()
    check_names(names, where=source.name)
    given, lost, beyond = False, Counter[str](), Counter[str]()

    def make_frame(rows: list[tuple[object, ...]]) -> pl.DataFrame:
        columns: dict[str, Sequence[object]] = dict(zip(names, zip(*rows, strict=True), strict=True))
        for name, values in columns.items():
            if _may_hold_times(values) and BEYOND in values:
                beyond[name] += values.count(BEYOND)
                columns[name] = [None if value is BEYOND else value for value in values]
        lost.update({name: count_rounded(values) for name, values in columns.items()})
        return trim_texts(frame_of(columns, drop=options.drop, table=source.name))

    with closing(batches):
        frames = map(make_frame, batches)
        for frame in unify_frames(frames, name=source.name):
            given = True
            digest.update(frame.write_csv(include_header=False, null_value="\\N", quote_style="non_numeric").encode())
            yield frame
    if told:
        told.add(*(rounded_note(name, lost=count) for name, count in lost.items() if count))
        told.add(*(beyond_note(name, count) for name, count in beyond.items()))
    if not given:
        yield empty_frame(names)


def _may_hold_times(values: Sequence[object]) -> bool:
    first = next((value for value in values if value is not None), None)
    return first is BEYOND or isinstance(first, date)


def _alike(files: Iterator[SourceFile], kind: Kind, first: SourceFile) -> Iterator[SourceFile]:
    for file in files:
        found = kind_of(file)
        if found != kind:
            raise InputError(f"files of one table must be of one kind; {first.name} is {kind} and {file.name} {found}.")
        yield file


def _csv(
    files: Iterator[SourceFile], options: ReadOptions, digest: SourceDigest, block_bytes: int, told: NoteCollector
) -> Iterator[pl.DataFrame]:
    first: tuple[str, CsvDialect] | None = None
    for file in files:
        text = text_stream.text(file, encoding=options.encoding, digest=digest, chunk_bytes=block_bytes)
        with closing(ahead(blocks(text, name=file.name, size=block_bytes))) as cut:
            begin = first_blocks(cut)
            dialect = dialect_of(begin, name=file.name, options=options, like=first and first[1])
            first = first or (file.name, dialect)
            check_same(dialect.kept, first=first[1].kept, name=file.name, first_name=first[0])
            told.add(*layout_notes(dialect, file=file.name))
            told.hints |= {"units": dialect.units} if dialect.units else {}
            told.count("comment_lines", file.name, dialect.layout.commented if dialect.layout else 0)
            body = without_lines(chain(begin, cut), dialect.begin)
            bodies = without_tail(body, dialect=dialect, name=file.name, told=told)
            head = next(bodies)
            marks = marks_of(head, dialect=dialect, options=options, name=file.name, told=told)
            numbers = dict.fromkeys(options.numbers, pl.Float64) | dict.fromkeys(options.integers, pl.Int64)
            parse = partial(
                rows.parse,
                dialect=dialect,
                missing=marks.eager,
                listed=marks.listed,
                name=file.name,
                only=options.select_columns(dialect.kept),
                numbers=numbers,
                told=told,
            )
            with closing(each(parse, chain([head], bodies))) as frames:
                yield from with_partitions(frames, name=file.name, told=told)


def _json(
    files: Iterator[SourceFile], options: ReadOptions, digest: SourceDigest, block_bytes: int, told: NoteCollector
) -> Iterator[pl.DataFrame]:
    lost = Counter[str]()

    def frames() -> Iterator[pl.DataFrame]:
        for file in files:
            text = text_stream.text(file, encoding=options.encoding, digest=digest)
            cut = blocks(text, name=file.name, quotes=False, size=min(block_bytes, _JSON_BLOCK_BYTES))
            parsed = (
                trim_texts(jsonl_reader.parse(block, name=file.name, drop=options.drop, lost=lost)) for block in cut
            )
            for frame in with_partitions(parsed, name=file.name, told=told):
                if frame.width > MAX_COLUMNS:
                    check_names(frame.columns, where=file.name)
                yield frame

    yield from unify_frames(frames(), name="the table")
    told.add(*(rounded_note(name, lost=count) for name, count in lost.items() if count))


def _parquet(
    files: Iterator[SourceFile], options: ReadOptions, digest: SourceDigest, _: int, told: NoteCollector
) -> Iterator[pl.DataFrame]:
    unity = UnifiedSchema(told)
    for file in files:
        text_stream.digest_file(file, digest)
        indexes = parquet_reader.stored_indexes(file)
        told.hints |= {"ids": indexes} if indexes else {}
        frames = parquet_reader.batches(file, options=options, told=told)
        for frame in with_partitions(frames, name=file.name, told=told):
            known = list(unity.schema) or frame.columns
            if set(known) != set(frame.columns):
                check_same(frame.columns, first=known, name=file.name, first_name=unity.first)
            yield unity.conform(frame, name=file.name)


_Reader = Callable[[Iterator[SourceFile], ReadOptions, SourceDigest, int, NoteCollector], Iterator[pl.DataFrame]]
_READERS: dict[Kind, _Reader] = {"CSV": _csv, "JSON Lines": _json, "Parquet": _parquet}
