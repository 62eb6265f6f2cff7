"""``headrace tail`` on topics in a folder."""

import json
import os
import pty
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from headrace.streams.broker import OutgoingRecord
from headrace.streams.folder.folder_broker import append_events
from tests.conftest import headrace

_NASTY = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202e\x7f日本"
_LETTER = [("headrace-reason", b"range"), ("headrace-sentence", f"got {_NASTY}".encode())]


def _fill(root: Path) -> None:
    rows = [
        (b'{"label": "yes", "probabilities": {"no": 0.25, "yes": 0.75}, "model_digest": "1ae0"}', b"k1", ()),
        (json.dumps({"text": _NASTY}, ensure_ascii=False).encode(), _NASTY.encode(), ()),
        (_NASTY.encode(), None, ()),
        (None, b"k3", ()),
        (b"{}", b"k4", _LETTER),
        (b'{"wide": "' + b"x" * 5000 + b'"}', b"\xff\x00", ()),
    ]
    records = [OutgoingRecord("events", 0, value, key, headers, 1_700_000_000_000) for value, key, headers in rows]
    append_events(root, "events", records)


def _shown(*options: str, root: Path) -> "subprocess.CompletedProcess[str]":
    return headrace("tail", str(root / "events"), "--from-beginning", "--until-end", *options)


def test_a_topic_is_shown_as_a_table(tmp_path: Path) -> None:
    """A line an event, aligned, safe to print, cut with a mark; the last line counts."""
    _fill(tmp_path)
    ended = _shown("--width", "100", root=tmp_path)
    assert ended.returncode == 0, ended.stderr
    head, *lines, last = ended.stdout.splitlines()
    assert head.split() == ["time", "part", "offset", "key", "event"]
    assert len(lines) == 6
    assert all(line.isprintable() for line in lines)
    assert lines[0].startswith("2023-11-14 22:13:20     0       0  k1 ")
    assert lines[0].endswith("yes 0.750  by 1ae0")
    assert r"text=\x1b]0;owned\x07\x1b[2J" in lines[1]
    assert "…" in lines[1]
    assert lines[3].endswith("(tombstone)")
    assert "range: got \\x1b" in lines[4]
    assert lines[5].endswith("x…")
    assert len(lines[5]) == 100
    assert "2 bytes: ff00" in lines[5]
    assert last == "6 events; yes 100.0%; 1 dead letter (range 1); 1 tombstone"


def test_json_lines_are_for_programs(tmp_path: Path) -> None:
    """Each is an object with the value as it is, in ASCII; the counts go to standard error."""
    _fill(tmp_path)
    ended = _shown("--json", "--rows", "4", root=tmp_path)
    found = [json.loads(line) for line in ended.stdout.splitlines()]
    assert [one["kind"] for one in found] == ["answer", "json", "bytes", "tombstone"]
    assert found[1]["value"] == {"text": _NASTY}
    assert found[2]["value"] == _NASTY
    assert ended.stdout.isascii()
    assert ended.stdout.replace("\n", "").isprintable()
    assert ended.stderr.startswith("4 events")


@pytest.mark.usefixtures("default_signals")
def test_a_terminal_shows_counts_below_until_ctrl_c(tmp_path: Path) -> None:
    """They are written anew; no event writes a control character; Ctrl-C is how it ends."""
    _fill(tmp_path)
    owner, terminal = pty.openpty()
    command = [sys.executable, "-m", "headrace.cli.main", "tail", str(tmp_path / "events"), "--last", "10"]
    environment = {**os.environ, "COLUMNS": "90", "LINES": "30"}
    with subprocess.Popen(command, stdout=terminal, stderr=terminal, env=environment) as running:
        os.close(terminal)
        seen, deadline = b"", time.monotonic() + 60
        try:
            while seen.count(b"a second") < 2:
                assert time.monotonic() < deadline, seen
                seen += os.read(owner, 65536)
            append_events(tmp_path, "events", [OutgoingRecord("events", 0, b'{"late": 1}', b"k", (), 0)])
            while b"late=1" not in seen:
                assert time.monotonic() < deadline, seen
                seen += os.read(owner, 65536)
            running.send_signal(signal.SIGINT)
            while not seen.rstrip().endswith(b"1 tombstone") or b"7 events; " not in seen:
                assert time.monotonic() < deadline, seen
                seen += os.read(owner, 65536)
            assert running.wait(60) == 0, seen
        finally:
            running.kill()
            os.close(owner)
    text = seen.decode().replace("\r\x1b[K", "").replace("\r\n", "")
    assert text.isprintable(), ascii(text)
    assert "6 events, " in text


@pytest.mark.usefixtures("default_signals")
def test_ctrl_c_before_a_broker_answers_is_no_quiet_topic(tmp_path: Path) -> None:
    """The sentence says that it had not answered."""
    with socket.create_server(("127.0.0.1", 0)) as silent, (tmp_path / "log").open("w+") as log:
        address = f"kafka://127.0.0.1:{silent.getsockname()[1]}/events"
        command = [sys.executable, "-m", "headrace.cli.main", "tail", address]
        with subprocess.Popen(command, stdout=log, stderr=log) as running:
            try:
                silent.settimeout(90)
                silent.accept()[0].close()
                running.send_signal(signal.SIGINT)
                assert running.wait(20) == 2
            finally:
                running.kill()
        log.seek(0)
        said = log.read()
    assert "must answer before events are shown" in said
    assert "0 events" not in said


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("nowhere/events",), "a topic must be a folder with a folder for each partition"),
        (("kafka://u:p@h:1/a",), "must hold no login"),
        (("a/b", "--from-beginning", "--last", "3"), "leave one of them out"),
        (("a/b", "--until-end"), "an end needs a beginning before it"),
        (("a/b", "--last", "1000000"), "last must be 0 to 100,000"),
    ],
)
def test_what_cannot_be_is_refused(arguments: tuple[str, ...], sentence: str) -> None:
    """With exit code 2 and one sentence."""
    ended = headrace("tail", *arguments)
    assert ended.returncode == 2, ended.stdout + ended.stderr
    assert sentence in ended.stderr
    assert ended.stderr.count("\n") == 1
