"""The object store: its port, and the implementation for any S3 server."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

import urllib3
from minio import Minio
from minio.error import InvalidResponseError, S3Error

from headrace.core.errors import InputError, MissingError, StoreError, shown
from headrace.core.files import whole
from headrace.core.settings import StoreSettings
from headrace.stores.errors import STATUSES, sentence, translated

CONNECT_SECONDS = 3.0
READ_SECONDS = 30.0
MAX_BYTES = 16 << 20
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")


@dataclass(frozen=True)
class Stored:
    """One object as a listing shows it.

    Attributes:
        key: Its key.
        size: Its length in bytes.
    """

    key: str
    size: int


class ObjectStore(Protocol):
    """A flat map from keys to immutable bytes, in one bucket.

    What every implementation promises: an object that was put is whole and readable by everyone when the call
    returns; ``list`` shows it from then on; calls may be made from several threads at once; errors are
    ``StoreError``, and ``MissingError`` for an object that is not there.

    What no implementation promises, so that callers must not use it: overwriting a key that someone may be
    reading (rclone tears such reads), conditional writes, tags, object locks, user metadata, and a key that is
    also the prefix of another (MinIO hides the longer one).
    """

    @property
    def endpoint(self) -> str:
        """URL of the server, for messages."""

    @property
    def bucket(self) -> str:
        """Name of the bucket."""

    def put_file(self, key: str, path: Path, media_type: str = "application/octet-stream") -> None:
        """Store the bytes of a file under ``key``."""

    def put_bytes(self, key: str, data: bytes, media_type: str = "application/octet-stream") -> None:
        """Store ``data`` under ``key``."""

    def get_file(self, key: str, path: Path) -> None:
        """Write the object to ``path``, which is never seen half-written."""

    def get_bytes(self, key: str, limit: int = MAX_BYTES) -> bytes:
        """The object's bytes; one longer than ``limit`` bytes is refused by ``StoreError``."""

    def exists(self, key: str) -> bool:
        """Whether there is an object under ``key``."""

    def list(self, prefix: str = "") -> Iterator[Stored]:
        """All objects whose key begins with ``prefix`` (empty, or ending with a slash), sorted by key."""


def check_key(key: str) -> None:
    """Refuse a key that some store cannot hold.

    Raises:
        InputError: If the key is empty, longer than 1,024 bytes, or one of its segments is empty, ``.``, ``..`` or
            longer than 255 bytes.
    """
    parts = key.split("/")
    fits = len(key.encode()) <= 1024 and all(len(part.encode()) <= 255 for part in parts)
    if not fits or not key.isprintable() or any(part in {"", ".", ".."} for part in parts):
        raise InputError(f"an object's key must be plain segments joined by slashes; got {shown(key)} instead.")


@dataclass(frozen=True)
class S3Store:
    """An ``ObjectStore`` on any S3 server, through minio-py.

    Attributes:
        client: The client, with short time-outs.
        endpoint: URL of the server.
        bucket: Name of the bucket.
    """

    client: Minio
    endpoint: str
    bucket: str

    def put_file(self, key: str, path: Path, media_type: str = "application/octet-stream") -> None:
        """See ``ObjectStore.put_file``."""
        check_key(key)
        with translated(self.endpoint, f"{self.bucket}/{key}"):
            self.client.fput_object(self.bucket, key, str(path), content_type=media_type)

    def put_bytes(self, key: str, data: bytes, media_type: str = "application/octet-stream") -> None:
        """See ``ObjectStore.put_bytes``."""
        check_key(key)
        with translated(self.endpoint, f"{self.bucket}/{key}"):
            self.client.put_object(self.bucket, key, BytesIO(data), len(data), content_type=media_type)

    def get_file(self, key: str, path: Path) -> None:
        """See ``ObjectStore.get_file``."""
        check_key(key)
        with (
            whole(path) as part,
            translated(self.endpoint, f"{self.bucket}/{key}"),
            part.open("wb") as stream,
        ):
            response = self.client.get_object(self.bucket, key)
            try:
                for block in response.stream(1 << 20):
                    stream.write(block)
            finally:
                response.close()
                response.release_conn()

    def get_bytes(self, key: str, limit: int = MAX_BYTES) -> bytes:
        """See ``ObjectStore.get_bytes``."""
        check_key(key)
        with translated(self.endpoint, f"{self.bucket}/{key}"):
            response = self.client.get_object(self.bucket, key)
            try:
                data = response.read(limit + 1)
            finally:
                response.close()
                response.release_conn()
        if len(data) > limit:
            raise StoreError(f"{self.bucket}/{key} in {self.endpoint} must have at most {limit} bytes; it has more.")
        return data

    def exists(self, key: str) -> bool:
        """See ``ObjectStore.exists``."""
        check_key(key)
        try:
            with translated(self.endpoint, f"{self.bucket}/{key}"):
                self.client.stat_object(self.bucket, key)
        except MissingError:
            return False
        return True

    def list(self, prefix: str = "") -> Iterator[Stored]:
        """See ``ObjectStore.list``."""
        if prefix and not prefix.endswith("/"):
            raise InputError(f"a prefix must end with a slash; got {shown(prefix)} instead.")
        with translated(self.endpoint, f"{self.bucket}/{prefix}"):
            for item in self.client.list_objects(self.bucket, prefix=prefix, recursive=True):
                if item.object_name and not item.is_dir:
                    yield Stored(item.object_name, item.size or 0)


def connect(settings: StoreSettings, *, create: bool = True, retries: int = 2) -> ObjectStore:
    """Reach an S3 store and make sure of its bucket.

    Args:
        settings: Where it is, and the keys.
        create: Whether a missing bucket is made.
        retries: How often a request is repeated after a failed connection or an answer 5xx.

    Raises:
        StoreError: If the store is down or refuses the keys, or the bucket is missing and not to be made.
    """
    parts = urlsplit(settings.endpoint)
    pool = urllib3.PoolManager(
        timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=READ_SECONDS),
        retries=urllib3.Retry(total=retries, backoff_factor=0.2, status_forcelist=(500, 502, 503, 504)),
        maxsize=10,
    )
    with translated(settings.endpoint, f"bucket {settings.bucket}"):
        try:
            client = Minio(
                parts.netloc,
                access_key=settings.access_key,
                secret_key=settings.secret_key,
                secure=parts.scheme == "https",
                region=settings.region,
                http_client=pool,
            )
        except ValueError as error:
            raise InputError(f"the object store {settings.endpoint} cannot be used: {error}.") from error
        _ensure_bucket(client, settings, create=create)
    return S3Store(client=client, endpoint=settings.endpoint, bucket=settings.bucket)


def _ensure_bucket(client: Minio, settings: StoreSettings, *, create: bool) -> None:
    if not _BUCKET.fullmatch(settings.bucket):
        raise InputError(
            f"HEADRACE_S3_BUCKET must be 3 to 63 lower-case letters, digits, dots and dashes; "
            f"got {shown(settings.bucket)} instead."
        )
    try:
        if client.bucket_exists(settings.bucket):
            return
        if not create:
            raise StoreError(
                f"the object store {settings.endpoint} has no bucket {shown(settings.bucket)}: create it, "
                f"or set HEADRACE_S3_BUCKET to one that exists."
            )
        client.make_bucket(settings.bucket)
    except ValueError as error:
        raise InputError(f"HEADRACE_S3_BUCKET cannot be {shown(settings.bucket)}: {error}.") from error
    except (S3Error, InvalidResponseError) as error:
        # Another client may have made the bucket in the meantime.
        if sentence(error) != STATUSES[409]:
            raise
