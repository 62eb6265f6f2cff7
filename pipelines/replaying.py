"""A bundle made again from its own papers, and held against the first one."""

import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headrace.core.bundle import Bundle, open_bundle
from headrace.core.errors import InputError, InternalError, MissingError, shown
from headrace.core.processes import lease
from headrace.core.provenance import environment
from headrace.core.reading import Reading
from headrace.core.source import ReadOptions
from headrace.core.text import guarded, plain
from headrace.core.trace import ARGUMENTS, STEPS, first_difference
from headrace.pipelines.folder import RunFolder, run_folder
from headrace.pipelines.results import artifact
from headrace.pipelines.runner import Told, run_pipeline
from headrace.registry import catalog as catalogue
from headrace.registry.catalog_database import Database
from headrace.registry.places import catalog_place
from headrace.stores.sources import open_source

_MOST_TOLD = 5
# What the replayed steps must not tell anybody of.
_SILENT = {"HEADRACE_REGISTRY": "", "HEADRACE_CATALOG": "", "HEADRACE_OPENLINEAGE": ""}


@dataclass(frozen=True)
class Replayed:
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


@dataclass(frozen=True)
class Wish:
    """How to replay.

    Attributes:
        source: Where the table lies; empty for what the papers or the catalogue say.
        champion: The champion that the gate compared with; empty for what the papers say.
        catalog: Address of the catalogue; empty for the usual one.
        anyway: Whether to go on with other versions of Python and packages.
        keep: Folder for the bundle that is made; None to throw it away.
    """

    source: str = ""
    champion: str = ""
    catalog: str = ""
    anyway: bool = False
    keep: Path | None = None


def replay(bundle: Bundle, *, wish: Wish, watch: Callable[[Told], None]) -> Replayed:
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
        made = _made(bundle, papers[ARGUMENTS], source, wish, folder, watch)
        if wish.keep:
            shutil.copytree(made.folder, wish.keep, dirs_exist_ok=True)
        return compared(bundle, made)


def check_versions(then: Mapping[str, Any], *, anyway: bool) -> None:
    """Refuse to replay with other versions than those that made the bundle.

    Raises:
        InputError: Naming what differs.
    """
    now = environment()
    pairs = {name: (then.get(name), now[name]) for name in ("python", "implementation", "system", "machine")}
    packages = then.get("packages", {})
    pairs |= {name: (packages.get(name), now["packages"].get(name)) for name in {**packages, **now["packages"]}}
    others = [f"{name} {old or 'none'} (here {new or 'none'})" for name, (old, new) in pairs.items() if old != new]
    if others and not anyway:
        more = f" and {len(others) - _MOST_TOLD} more" if len(others) > _MOST_TOLD else ""
        raise InputError(
            f"the bundle was made with other versions: {', '.join(others[:_MOST_TOLD])}{more}; install "
            "them, use the image that made it, or give --anyway."
        )


def find_source(table: Mapping[str, Any], wish: Wish) -> str:
    """Where the table lies that the papers name.

    Raises:
        MissingError: If that is not known.
    """
    if wish.source:
        return wish.source
    named, digest = str(table.get("source", "")), str(table.get("digest", ""))
    if "://" in named and not named.startswith("sqlite"):
        return named
    try:
        known = [table for table in catalogue.search(Database(catalog_place(wish.catalog))) if _has(table, digest)]
    except MissingError:
        known = []
    there = [table.source for table in known if "://" in table.source or Path(table.source).exists()]
    if there:
        return there[0]
    gone = f", which was {known[0].source}," if known else ""
    raise MissingError(
        f"the papers name the table {shown(named)} of digest {digest[:12]}{gone} and nobody knows where it is: "
        "tell it with --source."
    )


def _has(table: catalogue.Table, digest: str) -> bool:
    return any(version.digest == digest for version in table.versions)


def check_source(source: str, table: Mapping[str, Any], arguments: Mapping[str, Any]) -> None:
    """Refuse a table that is not the one that the papers name.

    Raises:
        InputError: If its digest is another.
    """
    given = arguments.get("ingest", {})
    options = ReadOptions(
        names=tuple(map(plain, given.get("names", ()))),
        header=bool(given.get("header", True)),
        delimiter=plain(str(given.get("delimiter", ""))),
        encoding=plain(str(given.get("encoding", ""))),
    )
    reading = Reading(open_source(source), options)
    for _ in reading.frames():
        pass
    found, wanted = str(reading.facts()["digest"]), str(table.get("digest", ""))
    if found != wanted:
        raise InputError(
            f"the table {reading.source.name} has the digest {found[:12]}, but the papers name {wanted[:12]}: "
            "it has changed since; give the table as it was with --source."
        )


def compared(old: Bundle, new: Bundle) -> Replayed:
    """What differs between a bundle and its replay."""
    before, after = (bundle.json("provenance.json").get(STEPS, {}) for bundle in (old, new))
    files = [{entry.path: entry.sha256 for entry in bundle.manifest.files} for bundle in (old, new)]
    others = sorted(path for path in {**files[0], **files[1]} if files[0].get(path) != files[1].get(path))
    step = first_difference(before, after) if before else ""
    return Replayed(expected=old.digest, found=new.digest, step=step, files=tuple(others))


def _made(
    bundle: Bundle,
    arguments: Mapping[str, Any],
    source: str,
    wish: Wish,
    folder: RunFolder,
    watch: Callable[[Told], None],
) -> Bundle:
    named = _named(source, str(bundle.json("provenance.json")["table"].get("source", "")), folder.staging)
    given = pipeline_arguments(arguments, source=named, champion=wish.champion, bundle=bundle, scratch=folder.staging)
    with lease(folder.lease):
        outcome = run_pipeline("replay", given, folder=folder, environment=_SILENT, watch=watch)
    if outcome.error:
        raise type(outcome.error)(f"the replay failed where the first run did not: {outcome.error}")
    made = artifact(folder, "package", "bundle")
    if made is None:
        raise InternalError("the replay ended well but left no bundle.")
    return open_bundle(made)


def _named(source: str, name: str, scratch: Path) -> str:
    """A file under the name that it had, because the papers hold it; other sources as they are."""
    path = Path(source)
    if "://" in source or not path.is_file() or path.name == name or not name:
        return source
    link = scratch / name
    link.symlink_to(path.absolute())
    return str(link)


def pipeline_arguments(
    steps: Mapping[str, Any], *, source: str, champion: str, bundle: Bundle, scratch: Path
) -> dict[str, Any]:
    """The pipeline's parameters, put together from the steps' arguments.

    Args:
        steps: Arguments by step, as the papers hold them.
        source: Where the table lies.
        champion: The gate's champion; empty for what the papers say.
        bundle: The bundle; its contract is used where a person had given one.
        scratch: Folder for the search's Experiment, if one was given.

    Raises:
        InputError: If the gate's champion was a folder, which the papers do not name in full.
    """
    read, agreed = dict(steps.get("ingest", {})), dict(steps.get("infer_contract", {}))
    parted, tuned = steps.get("split", {}), dict(steps.get("tune", {}))
    judged = steps.get("gate", {})
    before = champion or str(judged.get("champion", ""))
    if before and "://" not in before and not Path(plain(before)).exists():
        raise InputError(
            f"the gate compared with the champion {shown(plain(before))}, whose folder is not known: give it "
            "with --champion."
        )
    given = agreed.pop("given", False)
    return {
        **agreed,
        **{name: read[name] for name in ("names", "header", "delimiter", "encoding", "drop") if name in read},
        "missing_values": read.get("missing", []),
        "hash_columns": read.get("hash", []),
        "source": guarded(source),
        "contract": guarded(str(bundle.folder / "contract.yaml")) if given else "",
        "split_method": parted.get("method", ""),
        "test_size": parted.get("test_size", 0.2),
        **_search(tuned, scratch),
        **{name: value for name, value in steps.get("evaluate", {}).items() if name != "seed"},
        "thresholds": judged.get("thresholds", {}),
        "champion": guarded(before) if champion else before,
        "seed": int(parted.get("seed", 0)),
    }


def _search(tuned: Mapping[str, Any], scratch: Path) -> dict[str, Any]:
    """Parameters of the search; the papers name as many trials as there were, whatever had ended it."""
    experiment = str(tuned.get("experiment", ""))
    if "\n" in experiment:
        path = scratch / "experiment.yaml"
        path.write_text(experiment, encoding="utf-8")
        experiment = guarded(str(path))
    return {
        "families": tuned.get("families", []),
        "experiment": experiment,
        "budget": str(tuned.get("budget", "")),
        "folds": int(tuned.get("folds", 0)),
    }
