"""A search on one self-contained page, whether it found something or not."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import version
from pathlib import Path

from headrace.core.base.errors import HeadraceError
from headrace.core.base.files import read_json, write_text
from headrace.core.evaluation.evaluation_document import Evaluation
from headrace.reports.base.phrases import metric_name
from headrace.reports.page.page import render as fill
from headrace.reports.search import phrases
from headrace.reports.search import sections as search_parts
from headrace.reports.search.document import SearchFacts
from headrace.reports.search.estimates import estimates
from headrace.reports.search.figures import progress


def render(search: SearchFacts, *, evaluation: Evaluation | None = None, bundle: str = "") -> str:
    """Render the page.

    Args:
        search: The search.
        evaluation: Content of ``evaluation`` for the fitted winner on the test part; None if it is not known.
        bundle: Address of the best trial's bundle, if the trial itself does not name it.

    Returns:
        A self-contained HTML page without scripts; every text of the search and its trials is escaped.
    """
    sections = [
        ("estimates", "What it is worth"),
        ("progress", "Progress"),
        ("parameters", "Parameters"),
        ("trials", "Trials"),
        ("settings", "Settings"),
    ]
    return fill(
        "search.html",
        search=search,
        title=_title(search),
        sections=sections,
        searched=phrases.describe_search(search),
        winner=phrases.describe_winner(search),
        ended=phrases.describe_ending(search),
        metric=metric_name(search.metric),
        estimates=estimates(search, evaluation),
        progress=progress(search),
        families=search_parts.families(search),
        parameters=search_parts.parameters(search),
        columns=search_parts.columns(search),
        rows=search_parts.rows(search, bundle=bundle),
        facts=phrases.facts(search),
        inline=phrases.inline,
        version=version("headrace"),
    )


def _title(search: SearchFacts) -> str:
    if len(search.experiments) == 1:
        return search.experiments[0]
    return f"{len(search.families)} families" if len(search.families) > 1 else metric_name(search.metric)


def write(page: Path, *, trials: Path, evaluation: Path | None = None, bundle: str = "") -> None:
    """Write the page of a search.

    Args:
        page: The HTML file to write.
        trials: JSON that the step ``tune`` left.
        evaluation: JSON that the step ``evaluate`` left; None if it was not run.
        bundle: Address of the best trial's bundle, if the trial itself does not name it.

    Raises:
        MissingError: If a file does not exist.
        InputError: If a file is not what it should be, or the page cannot be written.
    """
    measured = Evaluation.read(evaluation) if evaluation else None
    write_text(page, render(SearchFacts.from_json(read_json(trials)), evaluation=measured, bundle=bundle))


@contextmanager
def write_when_done(page: str, *, trials: str, bundle: str = "") -> Iterator[None]:
    """Write the page of the search that runs in the block, and if it fails, with the trials so far.

    Args:
        page: Path of the HTML page.
        trials: Path of the JSON that the search leaves.
        bundle: Address of the best trial's bundle; a local path is not shown, because the bundle does not stay there.
    """
    shown = bundle if "://" in bundle else "best_bundle of this step"
    try:
        yield
    except HeadraceError:
        with suppress(HeadraceError):  # the error of the search is the one to report
            write(Path(page), trials=Path(trials), bundle=shown)
        raise
    write(Path(page), trials=Path(trials), bundle=shown)
