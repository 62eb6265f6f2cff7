"""``headrace demo --life``: the whole loop, a model really replaced, and really not replaced where data are broken."""

import re
from pathlib import Path

import polars as pl
import psutil
import pytest

from headrace.cli.monitoring.pumps import KEY, LUBRICANT_WEEK, SILENT_WEEK, TARGET, draw_year
from headrace.monitoring.decisions.history import HistoryStore
from headrace.stores.objects.open_objects import open_objects
from tests.conftest import headrace


def test_the_made_world_is_the_same_for_a_seed() -> None:
    """Weeks are drawn apart, and another seed draws others."""
    first, again, other = (draw_year(seed)[3][1] for seed in (0, 0, 1))
    assert first.equals(again)
    assert not first.equals(other)
    assert first.get_column(KEY).is_unique().all()
    assert set(first.get_column(TARGET)) == {"yes", "no"}


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_year_of_a_model_in_use(tmp_path: Path) -> None:
    """A silent sensor stops, warm weather warns, a change of the world retrains, and the new version recovers."""
    done = headrace("demo", "--life", "--output", str(tmp_path / "life"), timeout=880)
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "life" / "monitor.html").read_text()
    decisions = list(HistoryStore(open_objects(str(tmp_path / "life" / "monitoring")), "pumps").decisions())
    assert len(decisions) == 52
    outcomes = [decision.outcome for decision in decisions]
    assert [week for week, outcome in enumerate(outcomes) if outcome == "stop"] == [SILENT_WEEK]
    retrained = outcomes.index("retrain")
    assert LUBRICANT_WEEK + 2 < retrained < LUBRICANT_WEEK + 8
    first, second = decisions[0].digest, decisions[-1].digest
    assert first != second
    assert {decision.digest for decision in decisions[: retrained + 1]} == {first}
    assert {decision.digest for decision in decisions[retrained + 1 :]} == {second}
    assert "warn" in outcomes[SILENT_WEEK + 1 : LUBRICANT_WEEK]
    assert outcomes[-1] == "nothing"
    assert "Version 2 serves" in done.stdout
    assert "estimated, without labels" in page
    broken = [
        row
        for path in (tmp_path / "life" / "monitoring" / "pumps" / "training").glob("*.parquet")
        for row in pl.read_parquet(path).get_column("pressure").is_null().to_list()
    ]
    assert sum(broken) < 0.05 * len(broken)
    assert re.search(r"Nothing is left running\.\s*$", done.stdout)
    home = str(tmp_path)
    assert not [one for one in psutil.process_iter(["cmdline"]) if home in " ".join(one.info["cmdline"] or ())]


def test_an_option_that_does_not_go_with_it_is_one_sentence(tmp_path: Path) -> None:
    """The year ends with its page."""
    done = headrace("demo", "--life", "--serve", "--output", str(tmp_path / "life"))
    assert done.returncode == 2
    assert "leave out --serve and --summary" in done.stderr
    assert not list(tmp_path.iterdir())


def test_a_folder_with_other_files_is_left_alone(tmp_path: Path) -> None:
    """The demonstration replaces its own folder only."""
    (tmp_path / "mine.txt").write_text("mine")
    done = headrace("demo", "--life", "--output", str(tmp_path))
    assert done.returncode == 2
    assert "holds other files" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
