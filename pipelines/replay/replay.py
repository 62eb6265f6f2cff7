"""Makes a bundle again from its own provenance, and compares it with the first one."""

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from headrace.core.base.errors import InputError, InternalError
from headrace.core.bundles.bundle import Bundle, open_bundle
from headrace.core.packaging.provenance_document import Provenance
from headrace.core.runtime.processes import lease
from headrace.core.runtime.step_trace import first_difference
from headrace.pipelines.local.results import artifact
from headrace.pipelines.local.run_folder import RunFolder, run_folder
from headrace.pipelines.local.runner import StepEvent, run_pipeline
from headrace.pipelines.replay.arguments import pipeline_arguments, restore_file_name
from headrace.pipelines.replay.checks import ReplayOptions, check_source, check_versions, find_source

# The replayed steps must leave no records.
_SILENT = {"HEADRACE_REGISTRY": "", "HEADRACE_CATALOG": "", "HEADRACE_OPENLINEAGE": ""}


@dataclass(frozen=True)
class ReplayResult:
    """The result of a replay.

    Attributes:
        expected: Digest of the bundle that was replayed.
        found: Digest of the new bundle.
        step: The first step whose outputs differ; empty if none do, or if the provenance does not record steps.
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


def replay(bundle: Bundle, *, options: ReplayOptions, watch: Callable[[StepEvent], None]) -> ReplayResult:
    """Run the pipeline that made a bundle again, with the same arguments on the same table, and compare.

    Args:
        bundle: The bundle.
        options: How to replay.
        watch: Called with each event of a step.

    Returns:
        The comparison of both bundles.

    Raises:
        InputError: If the provenance is incomplete, the versions or the table differ, or ``keep`` is not empty.
        MissingError: If the table cannot be found.
        HeadraceError: If a step fails.
    """
    provenance = Provenance.from_json(bundle.json("provenance.json"))
    if provenance.arguments is None:
        raise InputError(
            f"the provenance of {bundle.name} {bundle.digest[:12]} does not record the arguments of its steps, so it "
            "cannot be replayed: it was not made by `headrace run`, or by an older version of it."
        )
    if options.output and options.output.exists() and any(options.output.iterdir()):
        raise InputError(f"{options.output} must be an empty or a new folder.")
    check_versions(bundle.json("environment.json"), ignore_versions=options.ignore_versions)
    source = find_source(provenance.table, options)
    check_source(source, provenance.table, provenance.arguments)
    with tempfile.TemporaryDirectory(prefix="headrace-") as scratch, run_folder(Path(scratch) / "run") as folder:
        new_bundle = _make_bundle(bundle, provenance, source, options, folder, watch)
        if options.output:
            shutil.copytree(new_bundle.folder, options.output, dirs_exist_ok=True)
        return compare_bundles(bundle, new_bundle)


def compare_bundles(old: Bundle, new: Bundle) -> ReplayResult:
    """Return the differences between a bundle and its replay."""
    before, after = (Provenance.from_json(one.json("provenance.json")).steps or {} for one in (old, new))
    files = [{entry.path: entry.sha256 for entry in bundle.manifest.files} for bundle in (old, new)]
    differing = sorted(path for path in {**files[0], **files[1]} if files[0].get(path) != files[1].get(path))
    step = first_difference(before, after) if before else ""
    return ReplayResult(expected=old.digest, found=new.digest, step=step, files=tuple(differing))


def _make_bundle(
    bundle: Bundle,
    provenance: Provenance,
    source: str,
    options: ReplayOptions,
    folder: RunFolder,
    watch: Callable[[StepEvent], None],
) -> Bundle:
    table = restore_file_name(source, provenance.table.source, folder.staging)
    parameters = pipeline_arguments(
        provenance, source=table, champion=options.champion, bundle=bundle, scratch=folder.staging
    )
    with lease(folder.lease):
        outcome = run_pipeline("replay", parameters, folder=folder, environment=_SILENT, watch=watch)
    if outcome.error:
        raise type(outcome.error)(f"the replay failed where the first run did not: {outcome.error}")
    path = artifact(folder, "package", "bundle")
    if path is None:
        raise InternalError("the replay ended well but left no bundle.")
    return open_bundle(path)
