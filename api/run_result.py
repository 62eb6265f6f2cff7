"""The result of a run: metrics, verdict, and where its files are."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from headrace.core.base.errors import InputError, MissingError
from headrace.core.base.files import read_json
from headrace.core.bundles.bundle import Bundle, open_bundle
from headrace.core.tables.parquet_table import parts
from headrace.pipelines.local.results import artifact
from headrace.pipelines.local.run_folder import RunFolder
from headrace.pipelines.local.summary import Finding, Metric, ModelSummary, RowCounts, SearchSummary, Summary

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True)
class Run:
    """A run and its results; a notebook shows the head of its report.

    Attributes:
        home: The run's folder.
        summary: Everything that ``summary.json`` holds (docs/guides/summary.md).
        verification: One request to the run's endpoint (``request``), the response (``answer``) and the actual value
            (``actual``), beside the number of test cases; empty if nothing was deployed.
    """

    home: Path
    summary: Summary
    verification: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def metrics(self) -> Mapping[str, Metric]:
        """Metrics on the test part by name, each with ``value``, ``low`` and ``high`` (95 % interval)."""
        return self.summary.metrics

    @property
    def baseline(self) -> Mapping[str, float]:
        """The same metrics of the baseline, as far as it has them."""
        return self.summary.baseline

    @property
    def verdict(self) -> str:
        """``promote``, ``hold`` or ``reject``; empty if the run did not get that far."""
        return self.summary.verdict

    @property
    def reasons(self) -> tuple[str, ...]:
        """The reasons of the verdict, a sentence each."""
        return tuple(self.summary.reasons)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Findings on the data: what was left out, guessed, quarantined or looks suspicious, worst first."""
        return tuple(self.summary.findings)

    @property
    def rows(self) -> RowCounts | None:
        """Numbers of rows: read, quarantined, train and test; None if the table was not checked."""
        return self.summary.rows

    @property
    def model(self) -> ModelSummary | None:
        """Name, family, parameters, digest, address and version of the model; None if the run made none."""
        return self.summary.model

    @property
    def search(self) -> SearchSummary | None:
        """The result of the search; None if there was no search."""
        return self.summary.search

    @property
    def report(self) -> Path:
        """The report, one HTML page."""
        return self.home / "report.html"

    @cached_property
    def bundle(self) -> Bundle:
        """The bundle, each of its files verified when it is first asked for.

        Raises:
            BundleError: If there is no bundle, or a file is missing, altered or extra.
        """
        return open_bundle(self.home / "bundle")

    @property
    def test_rows(self) -> "pl.DataFrame":
        """The rows of the test part (n) with their actual values, as the model was measured on them.

        Raises:
            MissingError: If the run's folder does not hold them, such as that of a run that failed early.
        """
        import polars as pl  # noqa: PLC0415 - only this needs it

        from headrace.core.splits.split_table import NO_LABEL  # noqa: PLC0415 - as above

        folder = RunFolder(home=self.home, staging=self.home)
        tables = [artifact(folder, "split", name) for name in ("test_table", "test_actuals")]
        found = [path for path in tables if path]
        if len(found) < len(tables):
            raise MissingError(f"there is no test part in {self.home / 'steps'}; run again.")
        rows, actuals = (pl.read_parquet(parts(path), glob=False) for path in found)
        return rows.with_columns(actuals.drop(NO_LABEL, strict=False).get_columns())

    def _repr_html_(self) -> str | None:
        """Return the head of the report, as Jupyter shows it: self-contained, without scripts."""
        from headrace.reports.run.head import render_run_head  # noqa: PLC0415 - only a notebook needs the templates

        try:
            return render_run_head(self.summary.model_dump(), report=self._report_link())
        except Exception:  # noqa: BLE001 - a view must not fail in place of the cell; the text is shown
            return None

    def _report_link(self) -> str:
        """Return a link to the report; Jupyter opens only files below the notebook's folder, by a relative link."""
        if not self.report.exists():
            return ""
        below = self.report.is_relative_to(Path.cwd())
        return quote(str(self.report.relative_to(Path.cwd()))) if below else self.report.as_uri()

    def __repr__(self) -> str:
        """Return one line: model, verdict, the first metric, folder."""
        name = self.model.name if self.model else self.home.name
        first = next(iter(self.metrics.items()), None)
        metric_text = f", {first[0]} {first[1].value:.3g} ({first[1].low:.3g} to {first[1].high:.3g})" if first else ""
        return f"<Run {name}: {self.verdict or self.summary.status}{metric_text}, in {self.home}>"


def open_run(folder: str | Path) -> Run:
    """Read the result of an earlier run from its folder.

    >>> import headrace.api as hr
    >>> run = hr.open_run("headrace-out/customers")
    >>> run.verdict in {"promote", "hold", "reject"}
    True
    >>> sorted(run.metrics)
    ['accuracy', 'brier', 'f1', 'log_loss', 'pr_auc', 'precision', 'recall', 'roc_auc']

    Args:
        folder: The run's folder; its subfolder ``failed`` holds the files of the last failed run.

    Raises:
        MissingError: If it holds no ``summary.json``: the run has not ended, or was killed.
        InputError: If that is not the summary of a run of this version.
    """
    home = Path(folder).absolute()
    try:
        text = (home / "summary.json").read_text(encoding="utf-8")
    except OSError as error:
        raise MissingError(f"there is no summary.json in {home}; name the folder of a run that has ended.") from error
    try:
        summary = Summary.model_validate_json(text)
    except ValueError as error:
        raise InputError(
            f"{home / 'summary.json'} must be a summary that this version wrote; it is not: run again."
        ) from error
    verification = step_document(RunFolder(home=home, staging=home), "verify_endpoint", "verification")
    return Run(home=home, summary=summary, verification=verification)


def step_document(folder: RunFolder, step: str, name: str) -> dict[str, Any]:
    """Return a JSON artifact that a step left; empty if there is none."""
    path = artifact(folder, step, name)
    return dict(read_json(path)) if path else {}
