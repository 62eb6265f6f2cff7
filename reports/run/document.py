"""The documents of a run, whether it succeeded or failed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from headrace.core.base.errors import HeadraceError
from headrace.core.base.files import read_json
from headrace.core.contracts import contract_yaml
from headrace.core.contracts.contract import Contract
from headrace.core.evaluation.evaluation_document import Evaluation
from headrace.core.evaluation.verdict import GateVerdict
from headrace.core.packaging.provenance_document import Provenance
from headrace.core.tables import parquet_table
from headrace.core.validation.data_checks import DataChecks
from headrace.reports.base.table_facts import TableFacts
from headrace.reports.profile.table import explore
from headrace.reports.run import timeline

Facts = Mapping[str, Any]
_Document = TypeVar("_Document", DataChecks, Evaluation, GateVerdict, Provenance)


@dataclass(frozen=True)
class BundleFacts:
    """The documents of a bundle.

    Attributes:
        manifest: Content of ``manifest.json``.
        model: Content of ``model.json``.
        provenance: Content of ``provenance.json``; None if it is absent.
        environment: Content of ``environment.json``.
        card: The model card, in Markdown.
        risk: The risk sheet, in Markdown.
    """

    manifest: Facts = field(default_factory=dict)
    model: Facts = field(default_factory=dict)
    provenance: Provenance | None = None
    environment: Facts = field(default_factory=dict)
    card: str = ""
    risk: str = ""

    @classmethod
    def read(cls, folder: Path, *, tolerant: bool = False) -> "BundleFacts":
        """Read the files that exist; an absent file is empty.

        Args:
            folder: The bundle.
            tolerant: Whether a file that cannot be read counts as absent.

        Raises:
            InputError: If a file cannot be read.
        """
        return cls(
            card=_text(folder / "card.md"),
            risk=_text(folder / "risk.md"),
            provenance=_document(Provenance, folder / "provenance.json", tolerant=tolerant),
            **{
                name: _json(folder / f"{name}.json", tolerant=tolerant) for name in ("manifest", "model", "environment")
            },
        )


@dataclass(frozen=True)
class RunPaths:
    """Where the steps of a run left their artifacts; None, or a path that does not exist, is a part that is absent.

    Attributes:
        table: Folder of ingest's or validate's table.
        contract: The contract's YAML file.
        checks: JSON file of validate.
        trials: JSON file of tune.
        evaluation: JSON file of evaluate.
        verdict: JSON file of gate.
        bundle: Folder of the bundle.
        verification: JSON file of verify_endpoint.
        events: File that the steps' events were appended to.
    """

    table: Path | None = None
    contract: Path | None = None
    checks: Path | None = None
    trials: Path | None = None
    evaluation: Path | None = None
    verdict: Path | None = None
    bundle: Path | None = None
    verification: Path | None = None
    events: Path | None = None


@dataclass(frozen=True)
class RunFacts:
    """A run; a part that is None or empty was not reached.

    Attributes:
        name: Name of the table and the model; empty if it is not known.
        source: Metadata of ingest's table: ``source``, ``rows``, ``columns``, ``digest``, ``bytes``, ``time``.
        contract: The data contract.
        profile: Profile of the table.
        checks: Content of validate's ``checks``.
        trials: Content of tune's ``trials``.
        evaluation: Content of evaluate's ``evaluation``.
        verdict: Content of gate's ``verdict``.
        bundle: The packaged model.
        verification: Content of verify_endpoint's ``verification``.
        steps: The steps and their times.
        error: The sentence with which the run failed; empty if it did not.
    """

    name: str = ""
    source: Facts = field(default_factory=dict)
    contract: Contract | None = None
    profile: TableFacts | None = None
    checks: DataChecks | None = None
    trials: Facts | None = None
    evaluation: Evaluation | None = None
    verdict: GateVerdict | None = None
    bundle: BundleFacts | None = None
    verification: Facts | None = None
    steps: tuple[timeline.TimelineStep, ...] = ()
    error: str = ""

    @classmethod
    def from_paths(
        cls, paths: RunPaths, *, source: Facts | None = None, expected: tuple[str, ...] = (), error: str = ""
    ) -> "RunFacts":
        """Read the artifacts of a run's steps.

        Args:
            paths: Paths of the artifacts.
            source: Metadata of ingest's table.
            expected: Names of all steps of the pipeline, in order.
            error: The sentence with which the run failed.

        Returns:
            The run.

        Raises:
            InputError: If a file that exists cannot be read, unless the run has failed anyway.
        """
        tolerant = bool(error)
        contract = _contract(paths.contract, tolerant=tolerant)
        return cls(
            name=contract.name if contract else "",
            source=dict(source or {}),
            contract=contract,
            profile=_profile(paths.table, contract, tolerant=tolerant),
            checks=_document(DataChecks, paths.checks, tolerant=tolerant),
            trials=_json(paths.trials, tolerant=tolerant) or None,
            evaluation=_document(Evaluation, paths.evaluation, tolerant=tolerant),
            verdict=_document(GateVerdict, paths.verdict, tolerant=tolerant),
            bundle=BundleFacts.read(paths.bundle, tolerant=tolerant)
            if paths.bundle and paths.bundle.is_dir()
            else None,
            verification=_json(paths.verification, tolerant=tolerant) or None,
            steps=timeline.read(paths.events, expected=expected),
            error=error,
        )


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""


def _json(path: Path | None, *, tolerant: bool) -> Facts:
    if path is None or not path.is_file():
        return {}
    try:
        content = read_json(path)
    except HeadraceError:
        if tolerant:  # the error of the run is the one to report
            return {}
        raise
    return content if isinstance(content, dict) else {}


def _document(kind: type[_Document], path: Path | None, *, tolerant: bool) -> _Document | None:
    content = _json(path, tolerant=tolerant)
    try:
        return kind.from_json(content) if content else None
    except HeadraceError:
        if tolerant:
            return None
        raise


def _contract(path: Path | None, *, tolerant: bool) -> Contract | None:
    if path is None or not path.is_file():
        return None
    try:
        return contract_yaml.load(path)
    except HeadraceError:
        if tolerant:
            return None
        raise


def _profile(folder: Path | None, contract: Contract | None, *, tolerant: bool) -> TableFacts | None:
    if folder is None or contract is None or not folder.is_dir():
        return None
    try:
        return explore(parquet_table.scan(folder), contract=contract)
    except HeadraceError:
        if tolerant:
            return None
        raise
