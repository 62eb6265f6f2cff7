"""The submission to a registry: a verified bundle, and the facts to record about it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from headrace.core.base.files import read_json, sha256
from headrace.core.base.json_document import as_json
from headrace.core.bundles.bundle import Bundle, open_bundle
from headrace.core.contracts import contract_yaml
from headrace.core.contracts.contract import Contract
from headrace.core.evaluation.evaluation_document import BundleMetrics
from headrace.core.packaging.provenance_document import Provenance

_REASONS, _REASON_LETTERS = 6, 240
_DIGITS = 6


@dataclass(frozen=True)
class ModelSubmission:
    """A bundle to register, or whose run to track.

    Attributes:
        folder: Folder of its files.
        name: Name of the model.
        digest: SHA-256 that identifies the bundle.
        contract: Its data contract.
        metrics: Content of ``metrics.json``.
        provenance: Content of ``provenance.json``.
        model: Content of ``model.json``.
        uri: Where it is published; empty if it is not.
    """

    folder: Path
    name: str
    digest: str
    contract: Contract
    metrics: BundleMetrics
    provenance: Provenance
    model: Mapping[str, Any]
    uri: str = ""

    @classmethod
    def read(cls, folder: Path, *, uri: str = "") -> "ModelSubmission":
        """Read a bundle, and verify every byte of it.

        Args:
            folder: The bundle.
            uri: Where it is published.

        Raises:
            BundleError: If it does not match its manifest, or lacks a file.
            InputError: If a document in it is another one.
        """
        return cls.of(open_bundle(folder), uri=uri)

    @classmethod
    def of(cls, bundle: Bundle, *, uri: str = "") -> "ModelSubmission":
        """Return the submission of a verified bundle.

        Raises:
            BundleError: If it lacks a file.
            InputError: If a document in it is another one.
        """
        return cls(
            folder=bundle.folder,
            name=bundle.name,
            digest=bundle.digest,
            contract=contract_yaml.load(bundle.folder / "contract.yaml"),
            metrics=BundleMetrics.from_json(bundle.json("metrics.json")),
            provenance=Provenance.from_json(bundle.json("provenance.json")),
            model=bundle.json("model.json"),
            uri=uri,
        )

    @property
    def verdict(self) -> str:
        """The gate's verdict; empty if there is none."""
        return self.provenance.verdict.verdict if self.provenance.verdict else ""

    @property
    def reasons(self) -> tuple[str, ...]:
        """The reasons of the gate's verdict, the most important first."""
        return self.provenance.verdict.reasons if self.provenance.verdict else ()

    def facts(self) -> dict[str, Any]:
        """Return the facts for the registry, small enough for one entry of its journal."""
        table, imported = self.provenance.table, self.provenance.imported
        return {
            "verdict": self.verdict,
            "reasons": [reason[:_REASON_LETTERS] for reason in self.reasons[:_REASONS]],
            "task": self.contract.task,
            "target": self.contract.label_column.name if self.contract.label_column else "",
            "family": str(self.model.get("family", "")),
            "seed": self.provenance.seed,
            "metrics": {
                name: {key: _round_value(value) for key, value in asdict(interval).items()}
                for name, interval in self.metrics.metrics.items()
            },
            "baseline": {name: _round_value(value) for name, value in self.metrics.baseline.metrics.items()},
            "rows": as_json(self.metrics.rows),
            "table": {"source": table.source[:300], "digest": table.digest},
            "contract": sha256(self.folder / "contract.yaml"),
            "made_with": self.provenance.made_with,
            **({"imported": as_json(imported)} if imported else {}),
        }


def bundle_folder(folder: Path) -> Path:
    """Return the bundle in a folder: the folder itself, or ``bundle`` in that of a run."""
    inside = folder / "bundle"
    return inside if not (folder / "manifest.json").exists() and (inside / "manifest.json").exists() else folder


def published_at(folder: Path) -> str:
    """Return where the bundle of a run's folder was published, by the run's summary; empty if unknown."""
    summary = folder / "summary.json"
    if not summary.exists():
        return ""
    model = read_json(summary).get("model") or {}
    return str(model.get("uri", ""))


def _round_value(value: Any) -> Any:
    return float(f"{value:.{_DIGITS}g}") if isinstance(value, float) else value
