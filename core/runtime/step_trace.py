"""What each step was given and what came of it, handed from step to step in the artifacts' metadata.

With it a line can be run again, and if the model is another one, the first step that differs can be named.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from headrace.core.base.files import sha256
from headrace.core.base.parameter_text import escape, plain

ARGUMENTS, STEPS = "arguments", "steps"
# The order in which the steps of a line run, where one has several outputs.
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
    """SHA-256 of a file, or over the lines that ``sha256sum`` prints for a folder's files, sorted by path."""
    if path.is_file():
        return sha256(path)
    files = sorted(found for found in path.rglob("*") if found.is_file())
    lines = "".join(f"{sha256(file)}  {file.relative_to(path).as_posix()}\n" for file in files)
    return hashlib.sha256(lines.encode()).hexdigest()


def arguments_text(**arguments: Any) -> str:
    """A step's arguments as one text of an artifact's metadata."""
    return escape(json.dumps(arguments, sort_keys=True))


def add_to_trace(metadata: Mapping[str, Any], step: str, *outputs: str) -> dict[str, str]:
    """Digests of the steps so far and of this one, for an output's metadata.

    Args:
        metadata: Metadata of the step's input, which tell of the steps before it.
        step: Name of the step.
        *outputs: Paths of what it made; a second one and further ones are named after their folders.
    """
    found = dict(metadata.get(STEPS, {}))
    for place, output in enumerate(outputs):
        name = step if place == 0 else f"{step}.{Path(output).name}"
        found[name] = content_digest(Path(output))
    return found


def line_trace(metadata: Mapping[str, Mapping[str, Any]], outputs: Mapping[str, Path]) -> dict[str, Any]:
    """What a bundle tells of its line.

    Args:
        metadata: Metadata of the artifacts, by the step that made them.
        outputs: What steps made that no metadata tell of, by step.

    Returns:
        ``arguments`` by step, and ``steps``: the digest of what came of each, in the order of the line.
    """
    arguments = {
        step: json.loads(plain(str(found[ARGUMENTS]))) for step, found in metadata.items() if found.get(ARGUMENTS)
    }
    digests: dict[str, str] = {}
    for found in metadata.values():
        digests |= {name: str(digest) for name, digest in dict(found.get(STEPS, {})).items()}
    digests |= {step: content_digest(path) for step, path in outputs.items()}
    return {ARGUMENTS: arguments, STEPS: dict(sorted(digests.items(), key=lambda item: _place(item[0])))}


def first_difference(expected: Mapping[str, str], found: Mapping[str, str]) -> str:
    """The first step, in the order of the line, whose digest is another one; empty if there is none."""
    names = sorted({*expected, *found}, key=_place)
    return next((name.partition(".")[0] for name in names if expected.get(name) != found.get(name)), "")


def _place(name: str) -> tuple[int, str]:
    step = name.partition(".")[0]
    return (ORDER.index(step) if step in ORDER else len(ORDER), name)
