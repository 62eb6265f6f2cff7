"""A bundle made again from its own papers, and held against the first one."""

import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headrace.core.base.errors import InputError, InternalError
from headrace.core.bundles.bundle import Bundle, open_bundle
from headrace.core.runtime.processes import lease
from headrace.core.runtime.step_trace import ARGUMENTS, STEPS, first_difference
from headrace.pipelines.local.results import artifact
from headrace.pipelines.local.run_folder import RunFolder, run_folder
from headrace.pipelines.local.runner import StepEvent, run_pipeline
from headrace.pipelines.replay.arguments import pipeline_arguments, restore_file_name
from headrace.pipelines.replay.checks import ReplayOptions, check_source, check_versions, find_source

# What the replayed steps must not tell anybody of.
_SILENT = {"HEADRACE_REGISTRY": "", "HEADRACE_CATALOG": "", "HEADRACE_OPENLINEAGE": ""}


@dataclass(frozen=True)
class ReplayResult:
    """What came of a replay.

    Attributes:
        expected: Digest of the bundle that was replayed.
        found: Digest of the bundle that was made.
        step: The first step that gave something else; empty if none did, or if the papers do not tell of steps.
        files: Files of the bundle that differ.
    """

    expected: str
    found: str
    step: str = ""
    files: tuple[str, ...] = ()

    @property
    def same(self) -> bool:
        """Whether both bundles are the same, byte for byte."""
        return self.expected == self.found


def replay(bundle: Bundle, *, wish: ReplayOptions, watch: Callable[[StepEvent], None]) -> ReplayResult:
    """Run the line again that made a bundle, with the same arguments on the same table, and compare.

    Args:
        bundle: The bundle.
        wish: How to replay.
        watch: Called with each thing that a step tells.

    Returns:
        What came of it.

    Raises:
        InputError: If the papers do not say enough, the versions or the table are others, or ``keep`` is not empty.
        MissingError: If the table is not there.
        HeadraceError: If a step fails.
    """
    papers = bundle.json("provenance.json")
    if ARGUMENTS not in papers:
        raise InputError(
            f"the papers of {bundle.name} {bundle.digest[:12]} do not tell the arguments of its steps, so that it "
            "cannot be replayed: it was not made by `headrace run`, or by an older one."
        )
    if wish.keep and wish.keep.exists() and any(wish.keep.iterdir()):
        raise InputError(f"{wish.keep} must be an empty or a new folder.")
    check_versions(bundle.json("environment.json"), anyway=wish.anyway)
    source = find_source(papers["table"], wish)
    check_source(source, papers["table"], papers[ARGUMENTS])
    with tempfile.TemporaryDirectory(prefix="headrace-") as scratch, run_folder(Path(scratch) / "run") as folder:
        made = _make_bundle(bundle, papers[ARGUMENTS], source, wish, folder, watch)
        if wish.keep:
            shutil.copytree(made.folder, wish.keep, dirs_exist_ok=True)
        return compare_bundles(bundle, made)


def compare_bundles(old: Bundle, new: Bundle) -> ReplayResult:
    """What differs between a bundle and its replay."""
    before, after = (bundle.json("provenance.json").get(STEPS, {}) for bundle in (old, new))
    files = [{entry.path: entry.sha256 for entry in bundle.manifest.files} for bundle in (old, new)]
    others = sorted(path for path in {**files[0], **files[1]} if files[0].get(path) != files[1].get(path))
    step = first_difference(before, after) if before else ""
    return ReplayResult(expected=old.digest, found=new.digest, step=step, files=tuple(others))


def _make_bundle(
    bundle: Bundle,
    arguments: Mapping[str, Any],
    source: str,
    wish: ReplayOptions,
    folder: RunFolder,
    watch: Callable[[StepEvent], None],
) -> Bundle:
    table = restore_file_name(source, str(bundle.json("provenance.json")["table"].get("source", "")), folder.staging)
    given = pipeline_arguments(arguments, source=table, champion=wish.champion, bundle=bundle, scratch=folder.staging)
    with lease(folder.lease):
        outcome = run_pipeline("replay", given, folder=folder, environment=_SILENT, watch=watch)
    if outcome.error:
        raise type(outcome.error)(f"the replay failed where the first run did not: {outcome.error}")
    made = artifact(folder, "package", "bundle")
    if made is None:
        raise InternalError("the replay ended well but left no bundle.")
    return open_bundle(made)
