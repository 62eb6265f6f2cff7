"""The arguments and output digests of each step, passed on from step to step in the artifacts' metadata.

It allows a replay of the run that names the first step whose output differs.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from headrace.core.base.files import sha256
from headrace.core.base.parameter_text import escape, unescape

ARGUMENTS, STEPS = "arguments", "steps"
# The order of the steps in a pipeline.
ORDER = (
    "ingest",
    "infer_contract",
    "validate",
    "engineer",
    "split",
    "tune",
    "train",
    "evaluate",
    "gate",
)


def content_digest(path: Path) -> str:
    """Return the SHA-256 of a file, or of the lines that ``sha256sum`` prints for a folder's files, sorted by path."""
    if path.is_file():
        return sha256(path)
    files = sorted(item for item in path.rglob("*") if item.is_file())
    lines = "".join(f"{sha256(file)}  {file.relative_to(path).as_posix()}\n" for file in files)
    return hashlib.sha256(lines.encode()).hexdigest()


def arguments_text(**arguments: Any) -> str:
    """Return a step's arguments as one text for an artifact's metadata."""
    return escape(json.dumps(arguments, sort_keys=True))


def add_to_trace(metadata: Mapping[str, Any], step: str, *outputs: str) -> dict[str, str]:
    """Return the digests of the earlier steps and of this one, for an output's metadata.

    Args:
        metadata: Metadata of the step's input, which hold the digests of earlier steps.
        step: Name of the step.
        *outputs: Paths of its outputs; all but the first are named after their folders.
    """
    digests = dict(metadata.get(STEPS, {}))
    for position, output in enumerate(outputs):
        name = step if position == 0 else f"{step}.{Path(output).name}"
        digests[name] = content_digest(Path(output))
    return digests


def run_trace(metadata: Mapping[str, Mapping[str, Any]], outputs: Mapping[str, Path]) -> dict[str, Any]:
    """Return what a bundle records about its run.

    Args:
        metadata: Metadata of the artifacts, by the step that wrote them.
        outputs: Outputs of steps that are in no metadata, by step.

    Returns:
        ``arguments`` by step, and ``steps``: the digest of each step's output, in the order of the pipeline.
    """
    arguments = {
        step: json.loads(unescape(str(entry[ARGUMENTS]))) for step, entry in metadata.items() if entry.get(ARGUMENTS)
    }
    digests: dict[str, str] = {}
    for entry in metadata.values():
        digests |= {name: str(digest) for name, digest in dict(entry.get(STEPS, {})).items()}
    digests |= {step: content_digest(path) for step, path in outputs.items()}
    return {ARGUMENTS: arguments, STEPS: dict(sorted(digests.items(), key=lambda item: _place(item[0])))}


def first_difference(expected: Mapping[str, str], actual: Mapping[str, str]) -> str:
    """Return the first step, in the order of the pipeline, whose digests differ; empty if all are equal."""
    names = sorted({*expected, *actual}, key=_place)
    return next((name.partition(".")[0] for name in names if expected.get(name) != actual.get(name)), "")


def _place(name: str) -> tuple[int, str]:
    step = name.partition(".")[0]
    return (ORDER.index(step) if step in ORDER else len(ORDER), name)
