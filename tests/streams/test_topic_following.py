"""Which events of a topic are followed."""

from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import pytest

import headrace.api as hr
from headrace.core.base.errors import InputError
from headrace.streams.folder.folder_broker import append_events
from headrace.streams.topic_address import TopicAddress
from headrace.streams.topic_following import FollowedPart, follow_topic
from tests.streams.made_streams import record


def _fill(root: Path, times: Sequence[int], partition: int = 0) -> None:
    append_events(root, "events", [record(b"%d" % one, partition=partition, timestamp=one) for one in times])


def _values(root: Path, **options: int | bool) -> list[int]:
    return [int(event.value or b"") for event in hr.tail(str(root / "events"), until_end=True, **options)]  # type: ignore[arg-type]


def test_a_topic_is_read_from_its_beginning(tmp_path: Path) -> None:
    """All of it, or so many rows; nothing is committed, and no group is made."""
    _fill(tmp_path, [1, 2, 3])
    _fill(tmp_path, [4], partition=1)
    assert sorted(_values(tmp_path, from_beginning=True)) == [1, 2, 3, 4]
    assert len(_values(tmp_path, from_beginning=True, rows=2)) == 2
    assert not list((tmp_path / ".headrace").rglob("groups/*"))


def test_the_last_events_are_those_of_the_latest_times(tmp_path: Path) -> None:
    """Over all partitions, in the order of their times, though markers take offsets."""
    _fill(tmp_path, [10, 40, 50])
    _fill(tmp_path, [20, 30, 60], partition=1)
    assert _values(tmp_path, last=4) == [30, 40, 50, 60]
    assert _values(tmp_path, last=100) == [10, 20, 30, 40, 50, 60]
    assert _values(tmp_path, last=4, rows=2) == [30, 40]


def test_without_a_beginning_only_what_comes_is_shown(tmp_path: Path) -> None:
    """A poll without events yields none, and goes on."""
    _fill(tmp_path, [1, 2])
    follow = follow_topic(TopicAddress("", tmp_path, "events"), FollowedPart(rows=1))
    assert next(follow) == []
    _fill(tmp_path, [3])
    (events,) = [one for one in islice(follow, 100) if one]
    assert [event.value for event in events] == [b"3"]
    assert list(follow) == []


@pytest.mark.parametrize(
    "options", [{"from_beginning": True, "last": 1}, {"last": -1}, {"last": 1 << 20}, {"rows": -1}, {"until_end": True}]
)
def test_what_does_not_go_together_is_refused(options: dict[str, int]) -> None:
    """Before the topic is opened."""
    with pytest.raises(InputError):
        FollowedPart(**options)  # type: ignore[arg-type]


def test_what_is_of_another_type_is_refused(tmp_path: Path) -> None:
    """In one sentence, by both ways to look at a topic."""
    with pytest.raises(InputError, match="text of its address; got 5"):
        hr.tail(5)  # type: ignore[arg-type]
    for name in ("last", "rows", "seconds", "shown"):
        with pytest.raises(InputError, match=f"{name} must be a number; got 'x'"):
            hr.watch(str(tmp_path / "events"), **{name: "x"})  # type: ignore[arg-type]
