"""The object store: its port, and the implementation for any S3 server."""

import hashlib
import re
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

import urllib3
from minio import Minio
from minio.error import InvalidResponseError, S3Error

from headrace.core.base.errors import InputError, MissingError, StoreError, quote
from headrace.core.base.files import whole
from headrace.core.base.settings import StoreSettings
from headrace.core.runtime.background import prefetch
from headrace.stores.objects.errors import STATUSES, says_present, sentence, translate_errors
from headrace.stores.objects.listing import StoredObject
from headrace.stores.objects.multipart import MultipartUpload

CONNECT_SECONDS = 3.0
READ_SECONDS = 30.0
CONNECTIONS = 32
MAX_BYTES = 16 << 20
MAX_OBJECT_BYTES = 5 << 40
ONE_PIECE_BYTES = 8 << 20
OCTETS = "application/octet-stream"
_PROBE = "headrace-probe"
_BLOCK_BYTES = 1 << 20
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")


class ObjectStore(Protocol):
    """A flat map from keys to immutable bytes, in one bucket.

    Every implementation guarantees: an object that was put is complete and readable by everyone when the call
    returns; ``list`` shows it from then on; several threads may call at once; errors are
    ``StoreError``, and ``MissingError`` for an object that does not exist.

    No implementation guarantees the following, so callers must not use it: overwriting a key that someone may be
    reading (rclone tears such reads), tags, object locks, user metadata, and a key that is also the prefix of
    another (MinIO hides the longer one).

    ``fresh`` keeps an existing object: reliably if the server is ``atomic``, else as far as a check beforehand can
    tell.
    """

    @property
    def endpoint(self) -> str:
        """URL of the server, for messages."""

    @property
    def bucket(self) -> str:
        """Name of the bucket."""

    @property
    def atomic(self) -> bool:
        """Whether the server supports conditional writes, as determined by a probe."""

    def put_file(
        self, key: str, path: Path, media_type: str = OCTETS, *, fresh: bool = False, sure: Callable[[], object] = bool
    ) -> bool:
        """Store the bytes of a file under ``key``; return False if ``fresh`` is set and an object exists.

        ``sure`` is called before the object appears, possibly after the upload; if it raises, no object appears.
        """

    def put_bytes(self, key: str, data: bytes, media_type: str = OCTETS, *, fresh: bool = False) -> bool:
        """Store ``data`` under ``key``; return False if ``fresh`` is set and an object exists."""

    def get_file(self, key: str, path: Path, limit: int = MAX_OBJECT_BYTES) -> None:
        """Write the object to ``path`` atomically; ``StoreError`` if it is longer than ``limit`` bytes."""

    def get_bytes(self, key: str, limit: int = MAX_BYTES) -> bytes:
        """Return the object's bytes; ``StoreError`` if it is longer than ``limit`` bytes."""

    def sha256(self, key: str, limit: int = MAX_OBJECT_BYTES) -> str:
        """Return the hexadecimal SHA-256 of the whole object; ``StoreError`` if it is longer than ``limit`` bytes."""

    def exists(self, key: str) -> bool:
        """Return whether there is an object under ``key``."""

    def find(self, key: str) -> StoredObject:
        """Return the listing's entry of one object."""

    def list(self, prefix: str = "") -> Iterator[StoredObject]:
        """Yield all objects whose key begins with ``prefix`` (empty, or ending with a slash), sorted by key."""


def check_key(key: str) -> None:
    """Raise if some store would reject a key.

    Raises:
        InputError: If the key is empty, longer than 1,024 bytes, or one of its segments is empty, ``.``, ``..`` or
            longer than 255 bytes.
    """
    parts = key.split("/")
    fits = len(key.encode()) <= 1024 and all(len(part.encode()) <= 255 for part in parts)
    if not fits or not key.isprintable() or any(part in {"", ".", ".."} for part in parts):
        raise InputError(f"an object's key must be plain segments joined by slashes; got {quote(key)} instead.")


@dataclass(frozen=True)
class S3Store:
    """An ``ObjectStore`` on any S3 server, through minio-py.

    Attributes:
        client: The client, with short time-outs.
        pool: Its connections.
        endpoint: URL of the server.
        bucket: Name of the bucket.
    """

    client: Minio
    pool: urllib3.PoolManager
    endpoint: str
    bucket: str

    @cached_property
    def atomic(self) -> bool:
        """See ``ObjectStore.atomic``: of two conditional writes of one small object, the second must be refused."""
        headers = {"Content-Type": OCTETS, "If-None-Match": "*"}
        try:
            with translate_errors(self.endpoint, f"{self.bucket}/{_PROBE}"):
                return not all(self._send("PUT", _PROBE, body=b"headrace", headers=dict(headers)) for _ in range(2))
        except StoreError:
            return False

    def put_file(
        self, key: str, path: Path, media_type: str = OCTETS, *, fresh: bool = False, sure: Callable[[], object] = bool
    ) -> bool:
        """See ``ObjectStore.put_file``; a big file is uploaded in parts, which a later attempt reuses."""
        check_key(key)
        if path.stat().st_size <= ONE_PIECE_BYTES:
            sure()
            return self.put_bytes(key, path.read_bytes(), media_type, fresh=fresh)
        if fresh and self.exists(key):
            return False
        condition = {"If-None-Match": "*"} if fresh and self.atomic else {}

        def complete(method: str, key: str, *, body: bytes, headers: dict[str, str], query: dict[str, str]) -> bool:
            return self._send(method, key, body=body, headers=headers | condition, query=query)

        with translate_errors(self.endpoint, f"{self.bucket}/{key}"):
            return MultipartUpload.of(self.client, self.pool, self.bucket, key, path).run(
                media_type, complete, sure=sure
            )

    def put_bytes(self, key: str, data: bytes, media_type: str = OCTETS, *, fresh: bool = False) -> bool:
        """See ``ObjectStore.put_bytes``."""
        check_key(key)
        if fresh and not self.atomic and self.exists(key):
            return False
        condition = {"If-None-Match": "*"} if fresh and self.atomic else {}
        with translate_errors(self.endpoint, f"{self.bucket}/{key}"):
            return self._send("PUT", key, body=data, headers={"Content-Type": media_type, **condition})

    def _send(
        self, method: str, key: str, *, body: bytes, headers: dict[str, str], query: dict[str, str] | None = None
    ) -> bool:
        """Send a request; return False if the server refused it because the object exists."""
        untyped_headers: Any = headers
        untyped_query: Any = query
        try:
            # minio-py has no public way to say If-None-Match.
            self.client._execute(  # noqa: SLF001
                method, self.bucket, key, body=body, headers=untyped_headers, query_params=untyped_query
            )
        except (S3Error, InvalidResponseError) as error:
            if "If-None-Match" in headers and says_present(error):
                return False
            raise
        return True

    def get_file(self, key: str, path: Path, limit: int = MAX_OBJECT_BYTES) -> None:
        """See ``ObjectStore.get_file``."""
        with whole(path) as part, part.open("wb") as stream:
            for block in self._blocks(key, limit):
                stream.write(block)

    def get_bytes(self, key: str, limit: int = MAX_BYTES) -> bytes:
        """See ``ObjectStore.get_bytes``."""
        return b"".join(self._blocks(key, limit))

    def sha256(self, key: str, limit: int = MAX_OBJECT_BYTES) -> str:
        """See ``ObjectStore.sha256``."""
        state = hashlib.sha256()
        # A small object arrives faster than a thread starts.
        blocks = self._blocks(key, limit)
        with closing(prefetch(blocks) if limit > ONE_PIECE_BYTES else blocks) as coming:
            for block in coming:
                state.update(block)
        return state.hexdigest()

    def _blocks(self, key: str, limit: int) -> Generator[bytes]:
        """Yield the stored bytes of an object, without decoding any content encoding that the server claims."""
        check_key(key)
        with translate_errors(self.endpoint, f"{self.bucket}/{key}"):
            response = self.client.get_object(self.bucket, key)
            try:
                remaining = limit
                for block in response.stream(_BLOCK_BYTES, decode_content=False):
                    remaining -= len(block)
                    if remaining < 0:
                        raise StoreError(
                            f"{self.bucket}/{key} in {self.endpoint} must have at most {limit} bytes; it has more."
                        )
                    yield block
            finally:
                response.close()
                response.release_conn()

    def exists(self, key: str) -> bool:
        """See ``ObjectStore.exists``."""
        check_key(key)
        try:
            with translate_errors(self.endpoint, f"{self.bucket}/{key}"):
                self.client.stat_object(self.bucket, key)
        except MissingError:
            return False
        return True

    def list(self, prefix: str = "") -> Iterator[StoredObject]:
        """See ``ObjectStore.list``."""
        if prefix and not prefix.endswith("/"):
            raise InputError(f"a prefix must end with a slash; got {quote(prefix)} instead.")
        with translate_errors(self.endpoint, f"{self.bucket}/{prefix}"):
            for item in self.client.list_objects(self.bucket, prefix=prefix, recursive=True):
                if item.object_name and not item.is_dir:
                    yield StoredObject(item.object_name, item.size or 0, item.etag or "", item.last_modified)

    def find(self, key: str) -> StoredObject:
        """See ``ObjectStore.find``."""
        check_key(key)
        with translate_errors(self.endpoint, f"{self.bucket}/{key}"):
            item = self.client.stat_object(self.bucket, key)
        return StoredObject(key, item.size or 0, item.etag or "", item.last_modified)


def connect(
    settings: StoreSettings, *, create: bool = True, retries: int = 2, read_seconds: float = READ_SECONDS
) -> ObjectStore:
    """Connect to an S3 store, and check or create its bucket.

    Args:
        settings: Its address, and the keys.
        create: Whether to create a missing bucket.
        retries: Number of retries after a failed connection or a response 5xx.
        read_seconds: Longest time without data from the store.

    Raises:
        StoreError: If the store is down or refuses the keys, or the bucket is missing and ``create`` is False.
    """
    parts = urlsplit(settings.endpoint)
    pool = urllib3.PoolManager(
        timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=read_seconds),
        retries=urllib3.Retry(total=retries, backoff_factor=0.2, status_forcelist=(500, 502, 503, 504)),
        maxsize=CONNECTIONS,
    )
    with translate_errors(settings.endpoint, f"bucket {settings.bucket}"):
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
    return S3Store(client=client, pool=pool, endpoint=settings.endpoint, bucket=settings.bucket)


def _ensure_bucket(client: Minio, settings: StoreSettings, *, create: bool) -> None:
    if not _BUCKET.fullmatch(settings.bucket):
        raise InputError(
            f"HEADRACE_S3_BUCKET must be 3 to 63 lower-case letters, digits, dots and dashes; "
            f"got {quote(settings.bucket)} instead."
        )
    try:
        if client.bucket_exists(settings.bucket):
            return
        if not create:
            raise StoreError(
                f"the object store {settings.endpoint} has no bucket {quote(settings.bucket)}: create it, "
                f"or set HEADRACE_S3_BUCKET to one that exists."
            )
        client.make_bucket(settings.bucket)
    except ValueError as error:
        raise InputError(f"HEADRACE_S3_BUCKET cannot be {quote(settings.bucket)}: {error}.") from error
    except (S3Error, InvalidResponseError) as error:
        # Another client may have created the bucket in the meantime.
        if sentence(error) != STATUSES[409]:
            raise
