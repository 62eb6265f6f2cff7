"""Uploads big objects in parallel parts, which a later attempt reuses.

This machine stores nothing about an attempt: the store lists the parts that arrived, and they are compared with the
file by MD5 (a part's ETag) and by size. Memory is bounded by a few parts, whatever the size of the object.

minio-py uploads in parts too, but deletes them all when one fails; hence its private calls here. It also hashes each
part for the signature, as does the server; a presigned URL signs the request only. The caller verifies the object by
reading it back.
"""

import contextlib
import hashlib
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol
from xml.etree import ElementTree as ET

import urllib3
from minio import Minio
from minio.datatypes import Part
from minio.error import InvalidResponseError, MinioException, S3Error

from headrace.core.base.errors import InputError

LEAST_PART = 16 << 20
MOST_PARTS = 10_000
PARALLEL = 4
_EXPIRES = timedelta(hours=1)
_OK = 200
_STALE_CODES, _STALE_STATUSES = frozenset({"NoSuchUpload", "NotImplemented"}), frozenset({404, 501})


class ConditionalRequest(Protocol):
    """A request that the server may refuse because the object exists."""

    def __call__(self, method: str, key: str, *, body: bytes, headers: dict[str, str], query: dict[str, str]) -> bool:
        """Send it; return False if it was refused."""


@dataclass(frozen=True)
class MultipartUpload:
    """The upload of a file.

    Attributes:
        client: The client.
        pool: Its connections.
        bucket: Name of the bucket.
        key: Key of the object.
        path: The file.
        size: Its length in bytes.
        part_bytes: Length of each part but the last.
    """

    client: Minio
    pool: urllib3.PoolManager
    bucket: str
    key: str
    path: Path
    size: int
    part_bytes: int

    @classmethod
    def of(cls, client: Minio, pool: urllib3.PoolManager, bucket: str, key: str, path: Path) -> "MultipartUpload":
        """Return the upload of a file, in parts of equal length that are the same in every attempt."""
        size = path.stat().st_size
        fewest = -(-size // MOST_PARTS)
        return cls(client, pool, bucket, key, path, size, max(LEAST_PART, -(-fewest // (1 << 20)) << 20))

    def run(self, media_type: str, complete: ConditionalRequest, *, sure: Callable[[], object]) -> bool:
        """Upload the parts that the store lacks, and complete the object.

        Args:
            media_type: Media type of the object.
            complete: Sends the last request.
            sure: Called when all parts are uploaded; if it raises, the object is not created.

        Returns:
            Whether the object was created; False if one existed already.

        Raises:
            InputError: If the file changes during the upload.
        """
        begun = self._find_unfinished()
        upload = begun or self._begin(media_type)
        existing_parts = self._parts(upload) if begun else {}
        try:
            etags = self._send(upload, existing_parts)
            if begun:
                sure()
            else:
                self._ensure(upload, sure)
            return self._finish(upload, etags, complete)
        except (S3Error, InvalidResponseError) as error:
            if not begun or not _is_stale(error):
                raise
            # Another client completed the attempt that this one resumed, or it cannot be resumed: start again.
            upload = self._begin(media_type)
            etags = self._send(upload, {})
            self._ensure(upload, sure)
            return self._finish(upload, etags, complete)

    def _ensure(self, upload: str, sure: Callable[[], object]) -> None:
        """Call ``sure``; if it raises, abort the upload, which this attempt has begun."""
        try:
            sure()
        except BaseException:
            # If the store keeps the parts, the next attempt finds them.
            with contextlib.suppress(MinioException, urllib3.exceptions.HTTPError):
                self.client._abort_multipart_upload(self.bucket, self.key, upload)  # noqa: SLF001 - see the module
            raise

    def _find_unfinished(self) -> str:
        """Return the latest unfinished upload of this object; empty if there is none, or the store lists none."""
        try:
            listing = self.client._list_multipart_uploads(self.bucket, prefix=self.key)  # noqa: SLF001 - see the module
        except (S3Error, InvalidResponseError, ET.ParseError, ValueError):
            return ""
        ours = [item for item in listing.uploads if item.object_name == self.key and item.upload_id]
        ours.sort(key=lambda item: str(item.initiated_time))
        return str(ours[-1].upload_id) if ours else ""

    def _begin(self, media_type: str) -> str:
        headers: Any = {"Content-Type": media_type}
        return self.client._create_multipart_upload(self.bucket, self.key, headers)  # noqa: SLF001 - see the module

    def _parts(self, upload: str) -> dict[int, Part]:
        """Return the parts that the store has, by number."""
        by_number: dict[int, Part] = {}
        marker = None
        try:
            while True:
                page = self.client._list_parts(  # noqa: SLF001 - see the module
                    self.bucket, self.key, upload, part_number_marker=marker
                )
                by_number |= {part.part_number: part for part in page.parts}
                marker = page.next_part_number_marker
                if not page.is_truncated or not marker:
                    return by_number
        except (S3Error, InvalidResponseError, ET.ParseError, ValueError):
            return {}

    def _send(self, upload: str, existing_parts: dict[int, Part]) -> list[str]:
        numbers = range(1, -(-self.size // self.part_bytes) + 1)
        pool = ThreadPoolExecutor(PARALLEL, thread_name_prefix="part")
        try:
            return list(pool.map(lambda number: self._send_part(upload, number, existing_parts.get(number)), numbers))
        finally:
            pool.shutdown(cancel_futures=True)

    def _send_part(self, upload: str, number: int, existing: Part | None) -> str:
        start = (number - 1) * self.part_bytes
        length = min(self.part_bytes, self.size - start)
        with self.path.open("rb", buffering=0) as stream:
            stream.seek(start)
            data = stream.read(length)
        if len(data) != length:
            raise InputError(f"{self.path} must stay as it is while it is published; it became shorter.")
        if existing is not None and existing.size == length:
            digest = hashlib.md5(data, usedforsecurity=False).hexdigest()
            if existing.etag == digest:
                return existing.etag
        return self._put(data, {"partNumber": str(number), "uploadId": upload})

    def _put(self, data: bytes, query: dict[str, Any]) -> str:
        """Upload a part; return its ETag."""
        url = self.client.get_presigned_url("PUT", self.bucket, self.key, _EXPIRES, extra_query_params=query)
        answer = self.pool.request("PUT", url, body=data, redirect=False)
        if answer.status == _OK:
            etag = answer.headers.get("ETag", "")
            if not etag:
                raise urllib3.exceptions.ProtocolError("the answer was cut within its head")
            return etag.strip('"')
        kind = answer.headers.get("Content-Type", "")
        if "application/xml" in kind.split(";"):
            raise S3Error.fromxml(answer)
        raise InvalidResponseError(answer.status, kind, answer.data.decode(errors="replace"))

    def _finish(self, upload: str, etags: Iterable[str], complete: ConditionalRequest) -> bool:
        root = ET.Element("CompleteMultipartUpload", xmlns="http://s3.amazonaws.com/doc/2006-03-01/")
        for number, etag in enumerate(etags, start=1):
            part = ET.SubElement(root, "Part")
            ET.SubElement(part, "PartNumber").text = str(number)
            ET.SubElement(part, "ETag").text = f'"{etag}"'
        headers = {"Content-Type": "application/xml"}
        return complete("POST", self.key, body=ET.tostring(root), headers=headers, query={"uploadId": upload})


def _is_stale(error: S3Error | InvalidResponseError) -> bool:
    """Return whether the store has no such upload, or (rclone) refuses to replace a part."""
    if isinstance(error, S3Error):
        return error.code in _STALE_CODES
    return int(error._code) in _STALE_STATUSES  # noqa: SLF001 - it has no public field
