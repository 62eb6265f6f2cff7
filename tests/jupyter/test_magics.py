"""``%headrace`` and ``%%headrace`` in a shell of IPython."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import headrace.api as hr
import headrace.jupyter
from headrace.core.runtime.processes import free_port
from tests.jupyter.shells import ipython_shell


@pytest.fixture
def shell(folder: Path) -> Iterator[Any]:
    """A shell of IPython in this process with the extension, in a folder with a run."""
    with ipython_shell() as shell:
        assert shell.run_cell("%load_ext headrace.jupyter").success
        shell.push({"new_rows": pl.read_csv("customers.csv").head(7), "home": "headrace-out/customers"})
        yield shell


def _error(result: Any) -> str:
    assert result.error_in_exec is not None
    (line,) = result.error_in_exec._render_traceback_()
    return str(line)


def test_a_cell_of_commands_binds_their_results(shell: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """Tables and runs are variables, output is shown as it comes, and nothing tells of temporary files."""
    cell = "%%headrace\nscored << score {home} {new_rows}\nverified << verify {home}\n"
    result = shell.run_cell(cell)
    assert result.success
    assert result.result is None
    scored = shell.user_ns["scored"]
    assert isinstance(scored, hr.Predictions)
    assert (scored.rows, scored.name, scored.frame.height) == (7, "customers", 7)
    assert isinstance(shell.user_ns["verified"], str)
    shown = capsys.readouterr().out
    assert "7 of 7 rows scored, by customers" in shown
    assert "/tmp" not in shown.replace(str(Path.cwd()), "")  # noqa: S108 - what must not be shown


def test_a_line_has_its_result_as_value(shell: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """As any magic of a line; a text is not shown twice, and the first command that fails ends a cell."""
    assert shell.run_cell("version = %headrace --version").success
    assert shell.user_ns["version"].startswith("headrace ")
    capsys.readouterr()
    shell.run_cell("version")
    assert "headrace" not in capsys.readouterr().out
    failed = shell.run_cell("%%headrace\nscore nowhere {new_rows}\nx << verify {home}")
    assert _error(failed).startswith("headrace: there is no folder nowhere; name a run's output folder")
    assert "x" not in shell.user_ns
    assert "Traceback" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("cell", "sentence"),
    [
        ("%headrace", "headrace: %headrace must be followed by a command"),
        ("%headrace score {home} {nothing}", "headrace: {nothing} must name a variable of the notebook; there is no"),
        ("%headrace verify 'a", "must be a command line"),
        ("%headrace vreify {home}", "headrace: No such command 'vreify'"),
        ("%headrace score {home} --nothing", "headrace: No such option: --nothing"),
    ],
)
def test_a_mistake_is_one_sentence(cell: str, sentence: str, shell: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a stack trace."""
    assert sentence in _error(shell.run_cell(cell))
    assert "Traceback" not in capsys.readouterr().out


@pytest.mark.usefixtures("default_signals")
def test_an_interrupt_is_ctrl_c_for_the_command(shell: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """The command ends in order, nothing of it runs on, and the sentence says so."""
    (Path("topics") / "a" / "0").mkdir(parents=True)
    begun = threading.Event()

    def interrupt() -> None:
        _wait(lambda: bool(_children("tail")))
        time.sleep(1.5)  # a command that has begun has its handlers after its imports, whose end nothing tells
        begun.set()
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    result = shell.run_cell("%headrace tail topics/a")
    thread.join()
    assert begun.is_set()
    assert result.success or _error(result).startswith("headrace: ")
    assert _children("tail") == []
    assert "Traceback" not in capsys.readouterr().out


def test_a_command_ends_with_its_notebook(folder: Path) -> None:
    """A kernel that is killed leaves no server behind."""
    code = (
        "from headrace.jupyter.command_process import run_command\n"
        f"run_command(['serve', 'headrace-out/customers', '--port', '{free_port()}'], write=print)"
    )
    notebook = subprocess.Popen([sys.executable, "-c", code], cwd=folder, stdout=subprocess.PIPE)
    assert notebook.stdout is not None
    assert b"answers until Ctrl-C" in notebook.stdout.readline()
    found = _children("", of=notebook.pid)  # the command has become its server, by exec
    notebook.kill()
    notebook.wait()
    notebook.stdout.close()
    assert found
    _wait(lambda: not any(Path(f"/proc/{pid}/cmdline").exists() and _is_running(pid) for pid in found))


def test_elsewhere_it_says_where_it_belongs() -> None:
    """Loaded without IPython, or by hand."""
    with pytest.raises(hr.InputError, match=r"must be loaded in IPython or Jupyter, by %load_ext headrace\.jupyter"):
        headrace.jupyter.load_ipython_extension(None)


def test_it_is_unloaded(shell: Any) -> None:
    """As extensions are; loading it again brings it back."""
    assert shell.run_cell("%unload_ext headrace.jupyter").success
    assert shell.find_line_magic("headrace") is None
    assert shell.run_cell("%load_ext headrace.jupyter").success
    assert shell.find_cell_magic("headrace") is not None


def test_loading_it_imports_nothing_that_is_slow() -> None:
    """A notebook pays for what it uses, when it uses it."""
    code = (
        "import sys\nfrom IPython.core.interactiveshell import InteractiveShell\n"
        "shell = InteractiveShell.instance()\nbefore = set(sys.modules)\n"
        "shell.run_line_magic('load_ext', 'headrace.jupyter')\nimport headrace.api as hr\n"
        "assert shell.find_line_magic('headrace')\n"
        "print(*sorted({name.partition('.')[0] for name in set(sys.modules) - before}))"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(ended.stdout.split())
    assert "headrace" in loaded
    assert not loaded & {"sklearn", "polars", "kfp", "numpy", "scipy", "pydantic", "typer", "jinja2", "narwhals"}


def _children(word: str, of: int = 0) -> list[int]:
    """Processes of commands that a notebook's process has started."""
    parent, found = str(of or os.getpid()), []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rpartition(")")[2].split()
            words = status.with_name("cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if fields[1] == parent and fields[0] != "Z" and (not word or word.encode() in words):
            found.append(int(status.parent.name))
    return found


def _is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _wait(is_done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not is_done():
        assert time.monotonic() < deadline
        time.sleep(0.05)
