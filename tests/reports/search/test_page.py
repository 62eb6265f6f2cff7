"""The page of a search."""

import json
import re
import subprocess
import sys
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from headrace.core.base.errors import DataError, InputError
from headrace.core.evaluation.ensemble_estimate import EnsembleEstimate, WeightedTrial
from headrace.core.evaluation.evaluation_document import Evaluation
from headrace.core.evaluation.search_trials import NestedEstimate, OuterFold
from headrace.experiments.tuners.tune import SearchOptions
from headrace.reports.search import page as page_module
from headrace.reports.search import phrases
from headrace.reports.search.document import SearchFacts
from headrace.reports.search.page import render, write, write_when_done
from tests.core import made as tables
from tests.experiments.tuners.test_tune import breaking, tuned
from tests.reports.conftest import EVIL
from tests.reports.run.test_page import Page
from tests.reports.searches import of_trials, searched, trial

TEMPLATES = Path(page_module.__file__).resolve().parents[1] / "templates"


@pytest.fixture(scope="module")
def search(made: Any) -> SearchFacts:
    """The search of the made-up run, whose names and errors are hostile."""
    return SearchFacts.from_json(json.loads(made.paths.trials.read_text()))


@pytest.fixture(scope="module")
def page(search: SearchFacts, made: Any) -> str:
    """Its page."""
    return render(search, evaluation=Evaluation.read(made.paths.evaluation))


def told(page: str) -> str:
    """The texts of a page, apart from one another."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page)).split())


def row_of(page: str, number: int) -> str:
    """The line of a trial in the table of trials, as text."""
    found = re.search(rf'<tr[^>]*><th scope="row">{number}<small.*?</tr>', page, re.DOTALL)
    assert found, number
    return told(found[0])


def test_every_section_is_there_and_listed(page: str) -> None:
    """Each entry of the contents leads to a heading."""
    targets = re.findall(r'<li><a href="#([\w-]+)">', page)
    assert targets == ["estimates", "progress", "parameters", "trials", "settings"]
    assert [page.count(f'<h2 id="{target}">') for target in targets] == [1] * len(targets)


def test_the_head_says_what_was_searched_and_found(page: str, search: SearchFacts) -> None:
    """In sentences, before anything else."""
    head = told(page[: page.index("<main>")])
    assert search.best is not None
    assert "15 trials of 3 families in 4.20 s by the algorithm tpe, for the largest ROC AUC" in head
    assert "cross-validation (5 folds) on 320 training rows" in head
    assert f"Found. The best is trial {search.best.number}," in head
    assert "13 succeeded, 1 ended early, 1 failed" in head
    assert "the number of trials was reached" in head


def test_all_estimates_of_the_winner_stand_beside_one_another(page: str) -> None:
    """Cross-validation, nested cross-validation with its folds, and the test part with its interval."""
    part = told(page[page.index('id="estimates"') : page.index('id="progress"')])
    for text in (
        "flatters: it is the best of 13",
        "nested cross-validation of the search",
        "0.875",
        "0.901 0.830 to 0.960",
        "thought themselves 0.030 better",
        "the difference may be chance",
        "1 logistic 0.910 0.880 0.030",
    ):
        assert text in part


def test_the_table_holds_every_trial_best_first(page: str, search: SearchFacts) -> None:
    """With score, folds, status, time, parameters and remarks."""
    body = page[page.index('id="trials"') :]
    numbers = [int(found) for found in re.findall(r'<tr[^>]*><th scope="row">(\d+)<small', body)]
    assert numbers == [one.number for one in search.ranked]
    assert len(numbers) == 15
    assert "succeeded the best" in row_of(body, numbers[0])
    assert "failed" in row_of(body, 4)
    assert "it did not converge" in row_of(body, 4)
    assert "0.999 after 1 of 5 folds" in row_of(body, 6)
    assert "ended early" in row_of(body, 6)
    assert "it may not have converged" in row_of(body, 3)
    assert "alpha=" in row_of(body, 0)
    assert body.count('<td class="dots"><svg') == 14


def test_a_partial_score_never_wins(page: str, search: SearchFacts) -> None:
    """However flattering: neither in the head nor in the progress, whose line stays below it."""
    assert search.best is not None
    assert search.best.number != 6
    assert "0.999" not in page[: page.index("<main>")]


def test_each_family_has_a_picture_of_its_own(page: str) -> None:
    """Their parameters differ."""
    part = page[page.index('id="parameters"') : page.index('id="trials"')]
    assert part.count('aria-label="Parameters and scores of the trials"') == 3
    assert part.count("<h3>") == 3


def test_a_single_family_shows_importance_and_a_column_for_each_parameter() -> None:
    """Importance as bars, and values that can be compared down the table."""
    draw = np.random.default_rng(1)
    page = render(searched([float(score) for score in draw.random(30)]))
    text = told(page)
    assert "From 30 trials that ran to their end" in text
    assert page.count('class="lane"') == 2
    head = re.findall(r"<th [^>]*>(?:<span[^>]*>)?([^<]*)", page[page.index('<table class="trials">') :])
    assert head[:7] == ["trial", "ROC AUC", "by fold", "status", "time", "max_depth", "max_features"]


def test_nothing_that_was_searched_acts(page: str) -> None:
    """Names, values and errors are shown as they are, never obeyed."""
    read = Page(page)
    assert "script" not in read.tags
    assert "<script" not in page.lower()
    assert "alert('x')" in read.text
    assert "{{ 7 * 7 }}" in read.text
    assert not [name for name, _ in read.attributes if name.startswith("on")]
    ids = [value for name, value in read.attributes if name == "id"]
    assert len(ids) == len(set(ids))


def test_hostile_names_everywhere_are_only_text() -> None:
    """Of experiments, families, parameters, values, errors, warnings, statuses, metrics and bundles."""
    hostile = trial(
        0,
        name=EVIL,
        family=EVIL,
        parameters={EVIL: EVIL, "x" + EVIL: [EVIL], "y": 1.0},
        warnings=(EVIL,) * 4,
        bundle=f"javascript:alert(1)//{EVIL}",
    )
    other = replace(hostile, number=1, parameters={EVIL: 3, "y": None}, status=EVIL, error=EVIL, score=None)
    facts = {"metric": EVIL, "experiments": (EVIL,), "algorithm": EVIL, "tuner": EVIL, "reason": EVIL}
    nested = NestedEstimate((OuterFold(EVIL, {EVIL: EVIL}, 0.5, 0.4),), score=0.4, inner_score=0.5, optimism=0.1)
    page = render(of_trials([hostile, other], **facts, nested=nested, strategy=EVIL))
    read = Page(page)
    assert not {"script", "b", "a"} & set(read.tags[read.tags.index("main") :])
    assert "<script" not in page.lower()
    assert [value for name, value in read.attributes if name == "href" and not value.startswith("#")] == []
    assert "alert('x')" in read.text


def test_nothing_is_loaded_from_elsewhere(page: str) -> None:
    """A page needs no network and no other file."""
    loads = [v for name, v in Page(page).attributes if name in {"src", "href", "xlink:href", "action", "srcset"}]
    assert [value for value in loads if not value.startswith(("#", "data:image/png;base64,"))] == []
    assert re.findall(r"url\((?!#)", page) == []


def test_a_bundle_is_a_link_only_where_a_browser_can_follow_it() -> None:
    """An address of a store and a path are text."""
    places = ["https://store.example/b/", "s3://models/b/1/", "/data/bundles/2", ""]
    page = render(of_trials([trial(i, 0.5 - 0.1 * i, bundle=place) for i, place in enumerate(places)]))
    links = [value for name, value in Page(page).attributes if name == "href" and not value.startswith("#")]
    assert links == ["https://store.example/b/"]
    assert "s3://models/b/1/" in row_of(page, 1)
    assert "/data/bundles/2" in row_of(page, 2)
    assert "bundle" not in row_of(page, 3)


def test_the_bundle_of_the_best_can_be_told_apart_from_its_trial() -> None:
    """A search keeps one bundle, and its step knows where."""
    page = render(searched([0.5, 0.7]), bundle="s3://models/best/")
    assert "The bundle of the best is s3://models/best/" in told(page)
    assert "s3://models/best/" in row_of(page, 1)
    assert "s3://" not in row_of(page, 0)


@pytest.mark.parametrize(
    ("place", "linked"),
    [("steps/tune/best_bundle/", True), ("/data/best/", False), ("javascript:x/", False), ("best_bundle of it", False)],
)
def test_a_bundle_beside_the_page_is_linked(place: str, linked: bool) -> None:
    """By a path from the page; what is elsewhere on the machine, or no folder, is only named."""
    page = render(searched([0.5, 0.7]), bundle=place)
    links = [value for name, value in Page(page).attributes if name == "href" and not value.startswith("#")]
    assert links == ([place] if linked else [])
    assert place in told(page)


@pytest.mark.parametrize(
    ("search", "says"),
    [
        (searched([None, None]), ("No trial ran to its end. The first to tell why: no luck.", "No trial has a score")),
        (searched([]), ("No trial was run.", "no winner whose worth")),
        (
            searched([0.5, None], best=None, reason=""),
            ("It was given up, because too many trials failed.", "no luck"),
        ),
        (
            of_trials([trial(0, 0.9, status="early_stopped", error="it was behind")]),
            ("No trial ran to its end. The first to tell why: it was behind.", "1 ended early"),
        ),
    ],
)
def test_a_search_that_found_nothing_has_a_page(search: SearchFacts, says: tuple[str, ...]) -> None:
    """It says so first, and why."""
    page = render(search)
    text = told(page)
    assert text.index("Nothing was found.") < text.index("What it is worth")
    for part in says:
        assert part in text
    assert '<div class="verdict is-bad">' in page


def test_a_single_trial_has_a_page() -> None:
    """There is nothing to compare, and that is said."""
    text = Page(render(of_trials([trial(0, parameters={})]))).text
    assert "No parameter varied" in text
    assert "does not flatter" in text
    assert "defaults" in text


def test_trials_of_a_pipeline_have_a_page() -> None:
    """They have no family, no folds and no rows."""
    trials = [trial(i, 0.1 * i, family="", parameters={"depth": i, "kind": "ab"[i % 2]}, scores=()) for i in range(12)]
    text = told(render(of_trials(trials, folds=0, rows=0, strategy="latest")))
    assert "12 trials in 4.20 s by the algorithm tpe, for the largest ROC AUC." in text
    assert "objective of the winner" in text
    assert "The best is trial 11 with ROC AUC 1.100." in text


def test_many_trials_stay_readable() -> None:
    """Thousands: two hundred lines, a thousand rows, and words about the rest, on a page that can still be mailed."""
    draw = np.random.default_rng(2)
    page = render(searched([float(score) for score in draw.random(2500)]))
    assert "the best 200 of 2,500 trials are drawn" in page
    assert page.count('<td class="dots"><svg') == 1000
    assert "And 1,500 more" in page
    assert len(page.encode()) < 1_500_000


def test_the_page_is_the_same_each_time(page: str, search: SearchFacts, made: Any) -> None:
    """Equal searches give equal pages, small enough to mail."""
    assert render(search, evaluation=Evaluation.read(made.paths.evaluation)) == page
    assert len(page.encode()) < 200_000


def test_a_real_search_has_a_page(tmp_path: Path) -> None:
    """Families with early stopping, as shipped; no value of an identifying column is on it."""
    frame = tables.table(150, noise=1.0)
    tuned(
        tmp_path,
        SearchOptions(experiment="families", budget="14"),
        frame=frame.with_columns(key=frame["key"] + 7_654_000),
    )
    write(tmp_path / "search.html", trials=tmp_path / "trials.json")
    page = (tmp_path / "search.html").read_text()
    assert "14 trials of 3 families" in told(page)
    assert "7654" not in page


def test_a_search_that_fails_leaves_its_page_and_its_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The step ends with the search's own sentence."""
    breaking("logistic", ValueError("no luck"), monkeypatch=monkeypatch)
    page = tmp_path / "search.html"
    with (
        pytest.raises(DataError, match="all 3 failed"),
        write_when_done(str(page), trials=str(tmp_path / "trials.json")),
    ):
        tuned(tmp_path, SearchOptions(families=("logistic",), budget="3"))
    assert "ValueError: no luck" in Page(page.read_text()).text


def test_a_search_that_was_refused_has_no_page(tmp_path: Path) -> None:
    """There are no trials to show; the refusal is what is told."""
    page = tmp_path / "search.html"
    with pytest.raises(InputError, match="oracle"), write_when_done(str(page), trials=str(tmp_path / "trials.json")):
        tuned(tmp_path, SearchOptions(families=("oracle",)))
    assert not page.exists()


def test_a_path_of_this_machine_is_not_shown(tmp_path: Path) -> None:
    """The step's folder moves when the run ends; an address in a store stays."""
    for place, says in ((f"{tmp_path}/best_bundle", "best_bundle of this step"), ("s3://a/best/", "s3://a/best/")):
        with write_when_done(str(tmp_path / "search.html"), trials=str(tmp_path / "trials.json"), bundle=place):
            tuned(tmp_path, SearchOptions(families=("logistic",), budget="1"), frame=tables.table(60))
        page = (tmp_path / "search.html").read_text()
        assert says in page
        assert str(tmp_path) not in page


def test_the_page_needs_no_tuner(tmp_path: Path) -> None:
    """It is made of the JSON alone, in a process that never imports the search."""
    (tmp_path / "trials.json").write_text(
        json.dumps({"trials": [], "objective": {"metric": "f1", "type": "maximize"}, "best": None})
    )
    code = (
        "import sys; from pathlib import Path; from headrace.reports.search.page import write; "
        "write(Path(sys.argv[2]), trials=Path(sys.argv[1])); "
        "assert not [name for name in sys.modules if name.startswith('headrace.experiments')]"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "trials.json"), str(tmp_path / "page.html")], check=True)
    assert "No trial was run" in (tmp_path / "page.html").read_text()


def test_a_search_without_labels_says_why_there_was_none() -> None:
    """In a sentence, without a remnant of one that counts trials."""
    none = of_trials([], reason="NoLabels")
    assert "a family's defaults were fitted" in phrases.describe_winner(none)
    assert phrases.describe_ending(none) == ""


def test_the_head_says_that_the_search_ends_with_an_ensemble() -> None:
    """The bundle that it names is the ensemble's, not the best trial's."""
    members = tuple(WeightedTrial(number, "logistic", {}, 0.5) for number in (0, 1))
    ended = replace(searched([0.7, 0.6]), ensemble=EnsembleEstimate("greedy", taken=True, members=members))
    assert "The search ends with an ensemble of 2 trials." in phrases.describe_winner(ended)


def test_figures_are_as_wide_as_their_place() -> None:
    """Seen once: a rule for thumbnails shrank every figure of every page to the height of three letters."""
    rules = re.findall(r"([^{}]+){([^{}]*)}", (TEMPLATES / "page.css").read_text())
    said = " ".join(body for selector, body in rules if "figure.plot > svg" in selector)
    assert "width: 100%" in said
    assert re.findall(r"(?<!-)height: ([^;]+)", said) == ["auto"]
