"""What the last good run left stays whole."""

from pathlib import Path

import pytest

from headrace.core.base.errors import InputError
from headrace.pipelines.local.run_folder import run_folder


def _finish(home: Path, text: str, *, well: bool) -> None:
    with run_folder(home) as folder:
        (folder.staging / "report.html").write_text(text)
        (folder.staging / "summary.json").write_text(text)
        if well:
            folder.keep()
        else:
            folder.set_aside()


def test_a_good_run_replaces_the_last(tmp_path: Path) -> None:
    """After two runs the folder holds the second one's results."""
    _finish(tmp_path / "out", "first", well=True)
    _finish(tmp_path / "out", "second", well=True)
    assert (tmp_path / "out" / "summary.json").read_text() == "second"
    assert (tmp_path / "out" / "report.html").read_text() == "second"


def test_a_failed_run_leaves_the_last_good_one(tmp_path: Path) -> None:
    """A failure is kept beside the good results, not in their place."""
    _finish(tmp_path / "out", "good", well=True)
    _finish(tmp_path / "out", "bad", well=False)
    assert (tmp_path / "out" / "summary.json").read_text() == "good"
    assert (tmp_path / "out" / "failed" / "summary.json").read_text() == "bad"


def test_a_good_run_clears_the_failure(tmp_path: Path) -> None:
    """An old failure does not stay beside newer good results."""
    _finish(tmp_path / "out", "bad", well=False)
    _finish(tmp_path / "out", "good", well=True)
    assert not (tmp_path / "out" / "failed").exists()


def test_nothing_of_a_run_stays_staged(tmp_path: Path) -> None:
    """What a killed run left is cleared by the next one, and a run clears its own."""
    home = tmp_path / "out"
    _finish(home, "good", well=True)
    (home / ".staging-dead" / "steps").mkdir(parents=True)
    _finish(home, "again", well=True)
    assert not list(home.glob(".staging-*"))


def test_a_foreign_folder_is_refused_untouched(tmp_path: Path) -> None:
    """A folder that holds a stranger's files is not written to."""
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(InputError, match="holds files that no run of headrace made"), run_folder(tmp_path):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_two_runs_do_not_share_a_folder(tmp_path: Path) -> None:
    """The second run is refused while the first is at work."""
    home = tmp_path / "out"
    with run_folder(home), pytest.raises(InputError, match="another run is at work"), run_folder(home):
        pass


@pytest.mark.parametrize("name", ["python3-course", "{{$}}"])
def test_a_path_that_the_runner_rewrites_is_refused(tmp_path: Path, name: str) -> None:
    """kfp.local would write elsewhere than into such a folder."""
    with pytest.raises(InputError, match="the local runner rewrites"), run_folder(tmp_path / name):
        pass
    assert not (tmp_path / name / ".headrace").exists()


def test_an_unwritable_folder_is_named(tmp_path: Path) -> None:
    """A path through a file is no folder; the sentence names it and the remedy."""
    (tmp_path / "file").write_text("")
    said = pytest.raises(InputError, match=r"cannot write in the output folder .*--output")
    with said, run_folder(tmp_path / "file" / "out"):
        pass
