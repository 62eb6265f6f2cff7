"""A rollout on this machine: its parts, from two bundles and a table."""

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
    """What is rolled out on this machine.

    Attributes:
        stable: Folder or store URI of the bundle that answers now; its name is the endpoint's.
        candidate: Those of the bundle that is to take over.
        table: Path, glob or address of the table whose rows are sent; empty to send none.
        target: Its column with what is true; empty for the one that the contract names.
        rate: Requests a second; 0 for as many as are answered.
        seed: Seed of the division.
    """

    stable: str
    candidate: str
    table: str
    target: str = ""
    rate: float = 0.0
    seed: int = 0


@contextmanager
def parts_here(here: LocalRollout, folder: Path, *, lease_path: Path | None = None) -> Iterator[RolloutParts]:
    """What a rollout on this machine is made of; at the end of the block no request is sent any more.

    Args:
        here: What is rolled out.
        folder: Where the record and the servers' log are kept.
        lease_path: Lease of somebody who owns the servers, which then stay; None to end them with the block.

    Yields:
        The parts.

    Raises:
        MissingError: If a bundle or the table is not there.
        InputError: If another process holds the folder.
        DataError: If the table has no rows.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with lease(folder / "lease") as own, tempfile.TemporaryDirectory(prefix="headrace-") as scratch:
        name, target = _inspect_bundle(here.stable, Path(scratch) / "bundle")
        rows = ReplayRows(())
        if here.table:
            rows = ReplayRows.read(here.table, target=here.target or target, scratch=Path(scratch) / "rows")
        traffic = ReplayTraffic(
            stable=here.stable,
            candidate=here.candidate,
            name=name,
            rows=rows,
            lease_path=lease_path or own,
            log=folder / "servers.log",
            rate=here.rate,
            seed=here.seed,
        )
        try:
            yield RolloutParts(name, "local", "", traffic, lambda _: traffic, FileRecordStore(folder))
        finally:
            traffic.close(servers=lease_path is None)


def _inspect_bundle(uri: str, scratch: Path) -> tuple[str, str]:
    """Name of a bundle's model and of the column that it predicts."""
    bundle = open_bundle(fetch(uri, scratch) if "://" in uri else Path(uri))
    return bundle.name, contract_yaml.load(bundle.folder / "contract.yaml").target.name
