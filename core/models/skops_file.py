"""The file of a fitted pipeline: skops without what differs from one process to the next.

A skops file is a zip of ``schema.json`` and arrays. It names arrays by the addresses of objects and stamps them with
the time, so that two equal pipelines give different bytes. Here arrays are numbered in order of appearance (equal ones
are stored once), addresses are dropped (skops does not need them to load), the time is the zip format's first day, and
the bytes that scikit-learn leaves uninitialised in the nodes of a tree (padding, flags of leaves) are zero.
"""

import hashlib
import io
import json
import zipfile
from typing import Any

import numpy as np
import skops.io

from headrace.core.base.errors import BundleError, InternalError, quote
from headrace.core.models import trusted_types

_FIRST_DAY = (1980, 1, 1, 0, 0, 0)


def dumps(pipeline: Any) -> bytes:
    """Serialize a fitted pipeline; equal pipelines give equal bytes.

    Raises:
        InternalError: If the pipeline holds a type that ``loads`` would refuse.
    """
    raw = skops.io.dumps(pipeline)
    with zipfile.ZipFile(io.BytesIO(raw)) as source:
        schema = json.loads(source.read("schema.json"))
        refused = trusted_types.find_untrusted(schema)
        if refused:
            raise InternalError(f"a model must hold reviewed types only; it holds {quote(refused)}.")
        arrays = _Arrays(source)
        clean = _clean_node(schema, arrays)
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", compression=zipfile.ZIP_STORED) as archive:
        for name, content in (("schema.json", json.dumps(clean).encode()), *arrays.contents.items()):
            archive.writestr(zipfile.ZipInfo(name, _FIRST_DAY), content)
    return target.getvalue()


def loads(data: bytes) -> Any:
    """Load a pipeline, if it holds reviewed types only and its trees point at nothing outside themselves.

    Raises:
        BundleError: If the file is damaged or not to be trusted.
    """
    try:
        _check_types(data)
        pipeline = skops.io.loads(data, trusted=sorted(trusted_types.TRUSTED))
        trusted_types.check_trees(pipeline)
    except BundleError:
        raise
    except Exception as error:
        # A damaged or hostile file makes zip, JSON, skops, NumPy or scikit-learn raise anything: it all means the same.
        raise BundleError(
            f"model.skops must be a file that Headrace wrote; reading it failed with "
            f"{type(error).__name__}: {quote(str(error))}; fetch the model again."
        ) from error
    return pipeline


def types(data: bytes) -> list[str]:
    """List the types of a file that skops does not trust by default, sorted: with this list, skops alone can load it.

    Headrace itself does not need the list: it has the reviewed one, ``trusted_types.TRUSTED``.
    """
    return sorted(skops.io.get_untrusted_types(data=data))


def _check_types(data: bytes) -> None:
    with zipfile.ZipFile(io.BytesIO(data)) as source:
        if sum(entry.file_size for entry in source.infolist()) > len(data):
            raise BundleError("model.skops must not be compressed; use a model that Headrace wrote.")
        schema = json.loads(source.read("schema.json"))
    refused = trusted_types.find_untrusted(schema)
    if refused:
        raise BundleError(
            f"model.skops must hold reviewed types only; it holds {quote(refused)}; use a model that Headrace wrote."
        )


class _Arrays:
    """Arrays of a skops file under new names."""

    def __init__(self, source: zipfile.ZipFile) -> None:
        self.contents: dict[str, bytes] = {}
        self._source = source
        self._names: dict[bytes, str] = {}

    def rename(self, name: str) -> str:
        """Return the new name of an array, the same for equal arrays."""
        content = _without_leftovers(self._source.read(name))
        digest = hashlib.sha256(content).digest()
        if digest not in self._names:
            new = f"{len(self._names)}{name[name.rfind('.') :]}"
            self._names[digest] = new
            self.contents[new] = content
        return self._names[digest]


def _without_leftovers(content: bytes) -> bytes:
    """Return an array's bytes with zeros wherever a structured array holds uninitialised memory."""
    array = np.load(io.BytesIO(content), allow_pickle=False)
    if array.dtype.names is None:
        return content
    # Not `zeros_like`: that writes zeros field by field and leaves the padding uninitialised.
    clean = np.zeros(array.shape, dtype=array.dtype)
    for field in array.dtype.names:
        clean[field] = array[field]
    if "left_child" in array.dtype.names:
        clean["missing_go_to_left"][array["left_child"] == -1] = 0
    target = io.BytesIO()
    # `numpy.save` copies field by field into a buffer of its own, whose padding is uninitialised again.
    np.lib.format.write_array_header_1_0(target, np.lib.format.header_data_from_array_1_0(clean))
    target.write(clean.view(np.uint8).tobytes())
    return target.getvalue()


def _clean_node(node: Any, arrays: _Arrays) -> Any:
    """Return a node of the schema without addresses and with the new names of arrays."""
    if isinstance(node, list):
        return [_clean_node(item, arrays) for item in node]
    if not isinstance(node, dict):
        return node
    clean = {key: _clean_node(value, arrays) for key, value in node.items() if key != "__id__"}
    if "__loader__" in node and isinstance(node.get("file"), str):
        clean["file"] = arrays.rename(node["file"])
    return clean
