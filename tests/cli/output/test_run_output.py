"""The last screen of a run."""

from headrace.cli.output import run_output
from headrace.pipelines.local.summary import Caution, Metric, ResampledBy, SearchSummary, Summary


def summary() -> Summary:
    """Of a run by group, with few rows of a class."""
    return Summary(
        status="succeeded",
        seconds=1.0,
        steps=[],
        metrics={"recall": Metric(value=0.5, low=0.1, high=0.9)},
        resampled_by=ResampledBy(by="group", clusters=37, sentence="95 % intervals by group: 37 groups"),
        cautions=[Caution(metrics=["recall"], text="Fewer than 5 rows are of ['yes'].")],
        search=SearchSummary(
            tuner="local",
            metric="recall",
            score=0.6,
            trials=3,
            failed=0,
            reason="",
            nested=0.55,
            nested_low=0.4,
            nested_high=0.7,
        ),
    )


def test_the_metrics_say_by_what_their_intervals_are_and_what_they_cannot_know() -> None:
    """Below them, a line each."""
    assert run_output.metrics_table(summary())[-2:] == [
        "  95 % intervals by group: 37 groups",
        "  caution   recall: Fewer than 5 rows are of ['yes'].",
    ]


def test_nested_cross_validation_has_an_interval() -> None:
    """Beside what such a search is worth."""
    assert "what such a search is worth (0.4 to 0.7)" in run_output.compare_search_scores(summary())


def test_an_ensemble_is_told_with_its_own_estimate() -> None:
    """Its score is not the one by which the best trial was chosen."""
    told = summary()
    assert told.search is not None
    assert "the refitted best on the test part" in run_output.compare_search_scores(told)
    search = told.search.model_copy(update={"ensemble": 0.58, "ensemble_members": 4})
    lines = run_output.compare_search_scores(told.model_copy(update={"search": search}))
    assert "0.58   the ensemble of 4 trials, weighted without the fold that it is measured on" in lines
    assert "the refitted ensemble on the test part" in lines
