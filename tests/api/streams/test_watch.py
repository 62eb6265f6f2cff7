"""``hr.watch`` in a real kernel of Jupyter, and without one."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import headrace.api as hr
from headrace.streams.broker import OutgoingRecord
from headrace.streams.folder.folder_broker import append_events

_ANSWER = b'{"label": "<b>yes</b>", "probabilities": {"<b>yes</b>": 0.75}, "model_digest": "1ae0"}'


def _fill(root: Path, *values: bytes | None) -> None:
    append_events(root, "scores", [OutgoingRecord("scores", 0, value, b"k", None, 0) for value in values])


def test_without_a_kernel_lines_are_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And what was seen is one line."""
    _fill(tmp_path, _ANSWER, None)
    seen = hr.watch(str(tmp_path / "scores"), from_beginning=True, until_end=True)
    head, answer, tombstone = capsys.readouterr().out.splitlines()
    assert head.split()[0] == "time"
    assert answer.endswith("<b>yes</b> 0.750  by 1ae0")
    assert tombstone.endswith("(tombstone)")
    assert [event.kind for event in seen.latest] == ["tombstone", "answer"]
    assert repr(seen) == f"<WatchedTopic {tmp_path / 'scores'}: 2 events; <b>yes</b> 100.0%; 1 tombstone>"


def test_it_ends_after_some_seconds(tmp_path: Path) -> None:
    """Though nothing comes."""
    _fill(tmp_path, _ANSWER)
    assert hr.watch(str(tmp_path / "scores"), seconds=0.1).counts.events == 0


@pytest.mark.parametrize("options", [{"shown": 0}, {"shown": 1000}, {"seconds": -1}])
def test_what_cannot_be_is_refused(options: dict[str, Any], tmp_path: Path) -> None:
    """Before the topic is opened."""
    with pytest.raises(hr.InputError, match="shown must be 1 to 200"):
        hr.watch(str(tmp_path / "nowhere"), **options)


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, Any]]:
    """A kernel that runs: its manager and its client."""
    from jupyter_client.manager import start_new_kernel

    with pytest.MonkeyPatch.context() as patch:
        for name in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR"):
            patch.setenv(name, str(tmp_path_factory.mktemp(name.lower())))
        manager, client = start_new_kernel(kernel_name="python3", startup_timeout=120)
        try:
            yield manager, client
        finally:
            client.stop_channels()
            manager.shutdown_kernel(now=True)


@pytest.mark.filterwarnings("ignore")  # of Jupyter's own
@pytest.mark.usefixtures("default_signals")
def test_a_notebook_shows_one_output_that_is_replaced(kernel: tuple[Any, Any], tmp_path: Path) -> None:
    """A table and pictures, escaped; interrupting the kernel ends the cell in order."""
    _fill(tmp_path, _ANSWER, None)
    manager, client = kernel
    messages: list[tuple[str, dict[str, Any]]] = []

    def listen(message: dict[str, Any]) -> None:
        messages.append((message["msg_type"], message["content"]))
        if len([kind for kind, _ in messages if kind == "update_display_data"]) == 2:
            manager.interrupt_kernel()

    code = f"""
import headrace.api as hr
seen = hr.watch({str(tmp_path / "scores")!r}, last=5)
print("seen", seen.counts.events)
seen
"""
    client.execute_interactive(code, timeout=120, output_hook=listen)
    kinds = [kind for kind, _ in messages if kind != "status"]
    assert "error" not in kinds, messages
    assert kinds[:2] == ["execute_input", "display_data"]
    assert kinds.count("display_data") == 1
    shown = [content for kind, content in messages if kind.endswith("display_data")]
    assert len({content["transient"]["display_id"] for content in shown}) == 1
    live, last = (content["data"]["text/html"] for content in (shown[1], shown[-1]))
    assert ">live<" in live
    assert ">ended<" in last
    assert "&lt;b&gt;yes&lt;/b&gt; 0.750" in last
    assert "<b>" not in last
    assert last.count('role="img"') == 2
    assert ("stream", "seen 2\n") in [(kind, content.get("text")) for kind, content in messages]
    (result,) = [content for kind, content in messages if kind == "execute_result"]
    assert list(result["data"]) == ["text/plain"]
