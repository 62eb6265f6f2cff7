"""Addresses of topics."""

from pathlib import Path

import pytest

from headrace.core.base.errors import InputError
from headrace.streams.topic_address import TopicAddress, find_topic, parse_topic


@pytest.mark.parametrize(
    ("text", "servers", "topic"),
    [
        ("kafka://127.0.0.1:9092/events", "127.0.0.1:9092", "events"),
        ("kafka://a:9092,b.example:9093/my.events_1", "a:9092,b.example:9093", "my.events_1"),
        ("kafka://broker/events", "broker", "events"),
        ("kafka://[::1]:9092/events", "[::1]:9092", "events"),
    ],
)
def test_topics_of_a_broker(text: str, servers: str, topic: str) -> None:
    """One server or several, with or without ports."""
    address = parse_topic(text)
    assert (address.servers, address.folder, address.topic) == (servers, None, topic)
    assert address.beside("other").place == address.place


def test_topics_of_a_folder(tmp_path: Path) -> None:
    """By path or with ``folder://``; the last part is the topic."""
    for text in (str(tmp_path / "events"), f"folder://{tmp_path}/events"):
        address = parse_topic(text)
        assert (address.servers, address.folder, address.topic) == ("", tmp_path, "events")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("kafka://user:secret@host:9092/events", "HEADRACE_KAFKA_PASSWORD"),
        ("kafka://host:9092", "kafka://HOST:PORT/TOPIC"),
        ("kafka://host:9092/", "name of a topic"),
        ("kafka://host:9092/a/b", "name of a topic"),
        ("kafka://host:port/a", "kafka://HOST:PORT/TOPIC"),
        ("kafka://host:99999/a", "port of a broker must be 1 to 65535; got 99999"),
        ("kafka://one:1,two:65536/a", "got 65536"),
        ("kafka://[::1]:0/a", "got 0"),
        ("kafka:///a", "kafka://HOST:PORT/TOPIC"),
        ("s3://bucket/events", "path of a folder"),
        ("events of today", "name of a topic"),
    ],
)
def test_what_is_no_address_is_refused(text: str, sentence: str) -> None:
    """In one sentence, which never repeats a password."""
    with pytest.raises(InputError, match=sentence) as refused:
        parse_topic(text)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("names", "is_topic"),
    [
        ((), False),
        (("a.jsonl",), False),
        (("0/",), True),
        (("0/0.jsonl", "0/00000000000000000007.parquet", "0/.part", "1/"), True),
        (("0/part.parquet",), False),
    ],
)
def test_a_topic_in_a_folder_is_told_from_a_folder_of_files(
    tmp_path: Path, names: tuple[str, ...], is_topic: bool
) -> None:
    """By a folder 0 in which nothing but files named after offsets lie."""
    for name in names:
        path = tmp_path / name
        (path if name.endswith("/") else path.parent).mkdir(parents=True, exist_ok=True)
        if not name.endswith("/"):
            path.touch()
    found = find_topic(str(tmp_path))
    assert found == (TopicAddress("", tmp_path.parent, tmp_path.name) if is_topic else None)


def test_other_addresses_name_no_topic(tmp_path: Path) -> None:
    """A file, a bucket, a receiver; what begins as a topic must be one."""
    for text in (str(tmp_path / "none"), "s3://bucket/0", "http://127.0.0.1:1", "sqlite:///a.db"):
        assert find_topic(text) is None
    assert find_topic("kafka://h:1/t") == TopicAddress("h:1", None, "t")
    assert find_topic(f"folder://{tmp_path}/t") == TopicAddress("", tmp_path, "t")
    with pytest.raises(InputError, match="kafka://HOST:PORT/TOPIC"):
        find_topic("kafka://t")
