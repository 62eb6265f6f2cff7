"""The command's frame: what stands around every command."""

import sys

import pytest
import typer

from headrace.cli import main


def test_ctrl_c_is_answered_by_a_sentence(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Typer 0.29 makes an exit with code 130 of a KeyboardInterrupt, without a word (``typer.core``, ``_main``)."""
    app = typer.Typer()

    @app.command()
    def waits() -> None:
        raise KeyboardInterrupt

    for name, value in (("app", app), ("is_ignored", lambda _: True)):
        monkeypatch.setattr(main, name, value)
    monkeypatch.setattr(main.gc, "freeze", lambda: None)
    monkeypatch.setattr(sys, "argv", ["headrace"])
    with pytest.raises(SystemExit) as ended:
        main.main()
    assert ended.value.code == 130
    assert capsys.readouterr().err == "headrace: stopped; the last good results, if any, are untouched.\n"
