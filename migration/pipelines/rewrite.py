"""Rewrites a Python file of the v1 SDK for KFP 2."""

import ast
import re

from headrace.core.base.errors import InternalError
from headrace.migration.differences import Difference
from headrace.migration.pipelines.component_rules import rewrite_components
from headrace.migration.pipelines.pipeline_rules import rewrite_pipelines
from headrace.migration.pipelines.reference_rules import rewrite_imports, rewrite_references
from headrace.migration.pipelines.source_edits import MARK
from headrace.migration.pipelines.task_rules import rewrite_tasks
from headrace.migration.pipelines.v1_file import V1File

RewrittenPipeline = tuple[bytes, tuple[Difference, ...], tuple[tuple[int, str], ...]]


def rewrite_pipeline(file: V1File) -> RewrittenPipeline:
    """Rewrite what has a plain form in KFP 2, and mark what has none by comments.

    Returns:
        The new file, what is different in it, and what was rewritten, with lines of the old file.

    Raises:
        InternalError: If the new file is no Python; nothing may be written then.
    """
    operations = rewrite_components(file)
    rewrite_pipelines(file)
    rewrite_tasks(file, operations)
    rewrite_references(file)
    rewrite_imports(file)
    data = file.edits.apply()
    remaining = sum(difference.kind == "remains" for difference in file.differences)
    if remaining:
        data = _add_head(data, remaining)
    try:
        ast.parse(data)
    except SyntaxError as error:
        raise InternalError(
            f"{file.source} became what is no Python (line {error.lineno}: {error.msg}); nothing was written."
        ) from error
    differences = tuple(sorted(file.differences, key=lambda difference: difference.line))
    return data, differences, tuple(sorted(file.rewritten))


def _add_head(data: bytes, remaining: int) -> bytes:
    """Say in the first line that the file is not done, below ``#!`` and the encoding."""
    newline = b"\r\n" if b"\r\n" in data else b"\n"
    places = "one place needs" if remaining == 1 else f"{remaining} places need"
    head = f"# {MARK}: not done, {places} a person; each is marked {MARK}.".encode()
    found = re.match(rb"(\xef\xbb\xbf)?(#![^\r\n]*\r?\n)?(#[^\r\n]*coding[:=][^\r\n]*\r?\n)?", data)
    end = found.end() if found else 0
    return data[:end] + head + newline + data[end:]
