"""The parts of a rollout on this machine, from two bundles and a table."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from headrace.core.bundles.bundle import open_bundle
from headrace.core.contracts import contract_yaml
from headrace.core.runtime.processes import lease
from headrace.rollouts.controller.start import RolloutParts
from headrace.rollouts.record.record_store import FileRecordStore
from headrace.rollouts.traffic.replay_table import ReplayRows, ReplayTraffic
from headrace.stores.bundles.bundle_store import fetch


@dataclass(frozen=True)
class LocalRollout:
    """Options of a rollout on this machine.

    Attributes:
        stable: Folder or store URI of the stable version's bundle; its name is the endpoint's.
        candidate: Folder or store URI of the candidate's bundle.
        table: Path, glob or address of the table whose rows are sent; empty to send none.
        target: Its column with the true labels or values; empty for the one that the contract names.
        rate: Requests per second; 0 for no limit.
        seed: Seed of the random division of the requests.
        key: Column by which requests are divided instead, so that a key keeps its version; empty without one.
    """

    stable: str
    candidate: str
    table: str
    target: str = ""
    rate: float = 0.0
    seed: int = 0
    key: str = ""


@contextmanager
def local_parts(rollout: LocalRollout, folder: Path, *, lease_path: Path | None = None) -> Iterator[RolloutParts]:
    """Provide the parts of a rollout on this machine; no request is sent after the block.

    Args:
        rollout: Options of the rollout.
        folder: Folder for the record and the servers' log.
        lease_path: Lease of the servers' owner, so that they outlive the block; None to end them with it.

    Yields:
        The parts.

    Raises:
        MissingError: If a bundle or the table does not exist.
        InputError: If another process holds the folder.
        DataError: If the table has no rows.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with lease(folder / "lease") as own_lease, tempfile.TemporaryDirectory(prefix="headrace-") as scratch:
        name, target = _inspect_bundle(rollout.stable, Path(scratch) / "bundle")
        rows = ReplayRows(())
        if rollout.table:
            rows = ReplayRows.read(
                rollout.table, target=rollout.target or target, scratch=Path(scratch) / "rows", key=rollout.key
            )
        traffic = ReplayTraffic(
            stable=rollout.stable,
            candidate=rollout.candidate,
            name=name,
            rows=rows,
            lease_path=lease_path or own_lease,
            log=folder / "servers.log",
            rate=rollout.rate,
            seed=rollout.seed,
        )
        try:
            yield RolloutParts(name, "local", "", traffic, lambda _: traffic, FileRecordStore(folder))
        finally:
            traffic.close(servers=lease_path is None)


def _inspect_bundle(uri: str, scratch: Path) -> tuple[str, str]:
    """Return the name of a bundle's model and of the column that it predicts."""
    bundle = open_bundle(fetch(uri, scratch) if "://" in uri else Path(uri))
    contract = contract_yaml.load(bundle.folder / "contract.yaml")
    # Labels of anomalies are no answers that a version could be right about.
    return bundle.name, "" if contract.task == "anomaly" else contract.target.name
