"""A model of scikit-learn in a skops file, read as data: every type is reviewed before it is loaded."""

import io
import json
import zipfile
from typing import Any

import sklearn
import skops.io

from headrace.core.base.errors import InputError, quote
from headrace.core.models import trusted_types
from headrace.model_import.model_folder import MOST_BYTES, ModelFolder

_MOST_SHOWN = 5


def read_skops(content: bytes, source: str) -> Any:
    """Read a model from a skops file.

    Args:
        content: Bytes of the file.
        source: Name of the file in messages.

    Raises:
        InputError: If it is damaged, too large, or holds a type that is not reviewed.
    """
    try:
        refused = trusted_types.find_untrusted(_schema(content, source))
        if not refused:
            return skops.io.loads(content, trusted=sorted(trusted_types.TRUSTED))
    except InputError:
        raise
    except Exception as error:
        # A damaged or hostile file makes zip, JSON, skops, NumPy or scikit-learn raise anything: it all means the same.
        raise InputError(
            f"{source} must be a skops file that scikit-learn {sklearn.__version__} reads; reading it failed with "
            f"{type(error).__name__}: {quote(str(error))}."
        ) from error
    more = f" and {len(refused) - _MOST_SHOWN} more" if len(refused) > _MOST_SHOWN else ""
    raise InputError(
        f"{source} must hold types only that are reviewed as data; it holds {', '.join(refused[:_MOST_SHOWN])}{more}: "
        "the guide lists what is read, and how to export the rest as ONNX."
    )


def _schema(content: bytes, source: str) -> Any:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        if sum(entry.file_size for entry in archive.infolist()) > MOST_BYTES:
            raise InputError(f"{source} must unpack to at most {MOST_BYTES:,} bytes to be imported; it has more.")
        return json.loads(archive.read("schema.json"))


def check_version(model: ModelFolder, version: object) -> None:
    """Raise if a model was fitted by another minor version of scikit-learn, which reads its attributes otherwise.

    Raises:
        InputError: If it was.
    """
    ours, theirs = (str(one).split(".")[:2] for one in (sklearn.__version__, version))
    if ours != theirs:
        raise InputError(
            f"{model.path} must be a model of scikit-learn {'.'.join(ours)}, which is installed here; it is one of "
            f"{quote(str(version))}: fit it again with that version, or export it as ONNX where it was fitted."
        )
