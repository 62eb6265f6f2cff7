"""The labels of one model as they were received: Parquet files that are written once, in a folder or a bucket.

The key of a file is ``MODEL/labels/2026-03-01T05-00-00.123456Z-SHA256.parquet``: when it was received, and the digest
of its bytes. So the order in which labels were received survives a copy of the folder. A clock that goes back does not
change that order: a file is dated later than all that are there.
"""

import datetime as dt
import hashlib
import io
import re
from dataclasses import dataclass

import polars as pl

from headrace.core.base.errors import InputError, quote
from headrace.monitoring.labels.label_table import ACTUAL, OBSERVED, name_columns
from headrace.stores.objects.listing import StoredObject
from headrace.stores.objects.open_objects import StorePlace

RECEIVED = "received"
PLACE = "place"
"""Column: position of a label in its file."""
_FORMAT = "%Y-%m-%dT%H-%M-%S.%fZ"
_KEY = re.compile(r"(?P<received>[0-9T.-]{26}Z)-(?P<digest>[0-9a-f]{64})\.parquet")
_MOST_BYTES = 4 << 30


@dataclass(frozen=True)
class LabelFile:
    """A file of labels.

    Attributes:
        key: Its key in the store.
        received: When its labels were received.
        digest: SHA-256 of its bytes.
    """

    key: str
    received: dt.datetime
    digest: str


@dataclass(frozen=True)
class LabelStore:
    """The labels of one model.

    Attributes:
        place: The monitoring store, STORE of the commands.
        model: Name of the model.
    """

    place: StorePlace
    model: str

    @property
    def prefix(self) -> str:
        """What the keys of the model's labels begin with."""
        return f"{self.place.prefix}{self.model}/labels/"

    def files(self) -> list[LabelFile]:
        """Return the files in the order in which they were received.

        Raises:
            InputError: If another file lies among them.
            StoreError: If the store fails.
        """
        return sorted(map(self._parse, self.place.store.list(self.prefix)), key=lambda file: file.key)

    def _parse(self, item: StoredObject) -> LabelFile:
        name = item.key.removeprefix(self.prefix)
        match = _KEY.fullmatch(name)
        if match is None:
            raise InputError(
                f"the labels in {self.place}{self.model}/labels must be files that headrace labels wrote; got "
                f"{quote(name)} instead: move it away."
            )
        received = dt.datetime.strptime(match["received"], _FORMAT).replace(tzinfo=dt.UTC)
        return LabelFile(item.key, received, match["digest"])

    def write(self, labels: pl.DataFrame, *, now: dt.datetime) -> bool:
        """Store labels, if there are any.

        Args:
            labels: Labels (n) as ``check_labels`` returns them.
            now: The time of receipt.

        Returns:
            Whether they were stored.

        Raises:
            StoreError: If the store fails.
        """
        content = _parquet(labels)
        digest, files = hashlib.sha256(content).hexdigest(), self.files()
        if not labels.height:
            return False
        received = now.astimezone(dt.UTC)
        if files:
            received = max(received, files[-1].received + dt.timedelta(microseconds=1))
        key = f"{self.prefix}{received.strftime(_FORMAT)}-{digest}.parquet"
        return self.place.store.put_bytes(key, content, fresh=True)

    def read(self) -> dict[tuple[str, ...], pl.DataFrame]:
        """Return all labels by the columns that name their rows, each with when it was ``received`` and its ``place``.

        Raises:
            StoreError: If the store fails.
            InputError: If a file is not as it was written.
        """
        frames: dict[tuple[str, ...], list[pl.DataFrame]] = {}
        for file in self.files():
            frame = self._read(file)
            frames.setdefault(tuple(name_columns(frame)), []).append(frame)
        return {names: pl.concat(parts) for names, parts in frames.items()}

    def _read(self, file: LabelFile) -> pl.DataFrame:
        content = self.place.store.get_bytes(file.key, _MOST_BYTES)
        if hashlib.sha256(content).hexdigest() != file.digest:
            raise InputError(f"the labels {file.key} must be as they were written; they were altered: restore them.")
        return with_receipt(pl.read_parquet(io.BytesIO(content)), file.received)


def latest_labels(labels: pl.DataFrame, by: list[str]) -> pl.DataFrame:
    """Return the one label of each row that counts: the latest observed, of these the latest received.

    A label whose table names no time counts as observed when it was received.

    Args:
        labels: Labels (n) with ``received`` and ``place``.
        by: Columns that name the row.
    """
    return labels.sort(effective_time(), RECEIVED, PLACE).unique(by, keep="last", maintain_order=True)


def effective_time() -> pl.Expr:
    """Return when a label counts as observed."""
    return pl.coalesce(OBSERVED, RECEIVED)


def find_repeated(known: pl.DataFrame | None, labels: pl.DataFrame, by: list[str]) -> pl.Series:
    """Flag labels (n,) that say what is known already: of the same row, actual value and time.

    Args:
        known: The labels that are stored; None if there are none.
        labels: New labels (n), in the order of their table.
        by: Columns that name the row.
    """
    columns = [*by, ACTUAL, OBSERVED]
    both = labels.select(columns) if known is None else pl.concat([known.select(columns), labels.select(columns)])
    copies = both.select(pl.int_range(pl.len()).over(columns) > 0).to_series()
    return copies.tail(labels.height)


def count_corrected(known: pl.DataFrame | None, labels: pl.DataFrame, by: list[str]) -> int:
    """Count the rows whose actual value new labels change, or give twice with different values.

    Args:
        known: The labels that are stored, with ``received`` and ``place``; None if there are none.
        labels: New labels (n), in the order of their table, none of them repeated.
        by: Columns that name the row.
    """
    new = with_receipt(labels, dt.datetime.max.replace(tzinfo=dt.UTC))
    known = new.clear() if known is None else known
    before = latest_labels(known, by)
    after = latest_labels(pl.concat([known, new]), by).join(before, on=by, suffix="_before")
    several = new.join(before, on=by, how="anti").group_by(by).agg(pl.col(ACTUAL).n_unique())
    changed = after.filter(pl.col(ACTUAL) != pl.col(f"{ACTUAL}_before"))
    return changed.height + several.filter(pl.col(ACTUAL) > 1).height


def with_receipt(labels: pl.DataFrame, received: dt.datetime) -> pl.DataFrame:
    """Return labels with the columns ``received`` and ``place``."""
    return labels.with_columns(
        pl.lit(received).cast(pl.Datetime("us", "UTC")).alias(RECEIVED),
        pl.int_range(pl.len(), dtype=pl.Int64).alias(PLACE),
    )


def _parquet(labels: pl.DataFrame) -> bytes:
    buffer = io.BytesIO()
    labels.write_parquet(buffer, compression="zstd", compression_level=3)
    return buffer.getvalue()
