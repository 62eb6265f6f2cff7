"""Requests of a table's rows: by key, a client keeps its version while the share grows."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from headrace.core.base.errors import InputError
from headrace.rollouts.traffic.replay_table import ReplayRows, ReplayTraffic


def traffic_of(rows: ReplayRows, tmp_path: Path) -> ReplayTraffic:
    """Traffic that sends nothing."""
    places = {"stable": "a", "candidate": "b", "name": "t", "lease_path": tmp_path / "lease", "log": tmp_path / "log"}
    return ReplayTraffic(rows=rows, **places)  # type: ignore[arg-type]


def versions(traffic: ReplayTraffic, percent: int, *, candidate: str = "c1", draw: float = 0.5) -> list[str]:
    """The version of each row at a share."""
    traffic._percent = percent
    return [traffic._choose_version(index, candidate, draw) for index in range(len(traffic._rows.requests))]


def test_a_client_that_has_the_candidate_keeps_it(tmp_path: Path) -> None:
    """Each larger share adds clients and takes none back; rows of one client are never divided."""
    clients = [f"client-{number % 500}" for number in range(2000)]
    traffic = traffic_of(ReplayRows([{}] * 2000, keys=clients), tmp_path)
    before: set[int] = set()
    for percent in (1, 5, 25, 50, 100):
        by_row = versions(traffic, percent)
        now = {index for index, version in enumerate(by_row) if version == "candidate"}
        assert before <= now
        assert len({(client, version) for client, version in zip(clients, by_row, strict=True)}) == 500
        assert len(now) / 2000 == pytest.approx(percent / 100, abs=4 * np.sqrt(0.25 / 500))
        before = now
    assert len(before) == 2000


def test_another_candidate_begins_with_other_clients(tmp_path: Path) -> None:
    """So that the same few do not get every experiment."""
    traffic = traffic_of(ReplayRows([{}] * 1000, keys=[str(number) for number in range(1000)]), tmp_path)
    first, second = (np.array(versions(traffic, 50, candidate=one)) for one in ("c1", "c2"))
    assert (first == second).mean() == pytest.approx(0.5, abs=0.08)


def test_without_keys_requests_are_divided_by_chance(tmp_path: Path) -> None:
    """By the draw of each request."""
    traffic = traffic_of(ReplayRows([{}] * 3), tmp_path)
    assert versions(traffic, 50, draw=0.49) == ["candidate"] * 3
    assert versions(traffic, 50, draw=0.5) == ["stable"] * 3


def test_keys_are_read_from_the_table(tmp_path: Path) -> None:
    """As texts, with their zeros, and the column stays in the request; a row without a key is refused."""
    table = tmp_path / "t.csv"
    pl.DataFrame({"client": ["007", "8"], "age": [1, 2], "y": ["a", "b"]}).write_csv(table)
    rows = ReplayRows.read(str(table), target="y", scratch=tmp_path / "rows", key="client")
    assert (list(rows.keys), list(rows.actuals)) == (["007", "8"], ["a", "b"])
    assert rows.requests[0]["client"] == "007"
    pl.DataFrame({"client": ["007", None], "age": [1, 2]}).write_csv(table)
    with pytest.raises(InputError, match="1 of 2 rows have no value in column 'client'"):
        ReplayRows.read(str(table), target="y", scratch=tmp_path / "more", key="client")
