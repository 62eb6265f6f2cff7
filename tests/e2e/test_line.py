"""The whole line on a small table: what it leaves and what it tells."""

import json
import re
from pathlib import Path

from headrace.pipelines.local.summary import Summary
from tests.conftest import Line, headrace, write_table


def _summary(line: Line) -> Summary:
    return Summary.model_validate_json((line.home / "summary.json").read_text())


def test_every_step_ran(line: Line) -> None:
    """All steps of the line succeeded, and their times make up the run's."""
    summary = _summary(line)
    assert summary.status == "succeeded"
    assert {step.status for step in summary.steps} == {"succeeded"}
    assert next(step.name for step in summary.steps) == "fingerprint"
    assert 0.5 * summary.seconds < sum(step.seconds for step in summary.steps) <= summary.seconds


def test_no_row_is_lost(line: Line) -> None:
    """Each row that was read was quarantined, trained on or tested on."""
    rows = _summary(line).rows
    assert rows is not None
    assert rows.read == 400
    assert rows.read == rows.quarantined + rows.train + rows.test
    assert rows.train > rows.test > 0


def test_it_learned_what_there_was_to_learn(line: Line) -> None:
    """The target depends on the features: the model beats the baseline, with its interval."""
    summary = _summary(line)
    auc = summary.metrics["roc_auc"]
    assert auc.low <= auc.value <= auc.high
    assert auc.low > 0.7
    assert summary.baseline["roc_auc"] == 0.5
    assert summary.verdict == "promote"


def test_the_endpoint_was_verified(line: Line) -> None:
    """The bundle's own test cases were asked of the live endpoint."""
    endpoint = _summary(line).endpoint
    assert endpoint is not None
    assert endpoint.verified
    assert endpoint.cases >= 10


def test_the_model_lies_in_the_store_under_its_digest(line: Line) -> None:
    """The address ends in the digest and a slash, and every file that the manifest names lies there."""
    model = _summary(line).model
    assert model is not None
    assert model.uri == f"s3://headrace/models/customers/{model.digest}/"
    folder = line.home / "store" / model.uri.removeprefix("s3://")
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["digest"] == model.digest
    assert all((folder / one["path"]).is_file() for one in manifest["files"])


def test_the_report_stands_alone(line: Line) -> None:
    """One page that loads nothing from elsewhere."""
    page = Path(_summary(line).report).read_text()
    assert "<html" in page
    assert "<script" not in page
    assert 'src="http' not in page


def test_progress_is_one_line_a_step(line: Line) -> None:
    """A person sees each step with its time, and no raw logs."""
    shown = [row for row in line.told.splitlines() if row.startswith("  ✓ ")]
    assert len(shown) == len(_summary(line).steps)
    assert "executor_input" not in line.told


def test_it_says_what_to_do_next(line: Line) -> None:
    """The last line is a command."""
    assert line.told.strip().splitlines()[-1].startswith("Next: headrace serve")


def test_logs_are_kept(line: Line) -> None:
    """The raw logs lie in logs/ and hold no key."""
    log = (line.home / "logs" / "line.log").read_text()
    assert "executor_input" in log
    assert "SECRET" not in log


def test_the_search_has_a_page_of_its_own(line: Line) -> None:
    """It lies beside the report and also knows the score on the test part, which the step tune could not."""
    page = (line.home / "search.html").read_text()
    (written,) = (line.home / "steps").glob("*/tune/search")
    assert "that no search has seen" in page
    assert "that no search has seen" not in written.read_text()
    assert "3 trials of 3 families" in page
    assert str(line.home) not in page
    (place,) = re.findall(r'href="(steps/[^"]+)"', page)  # the best trial's own bundle
    assert (line.home / place / "manifest.json").is_file()
    report = (line.home / "report.html").read_text()
    assert "cross-validation of the winner" in report
    assert "that no search has seen" in report


_FAR = """
apiVersion: kubeflow.org/v1beta1
kind: Experiment
metadata: {name: far-neighbours, labels: {headrace/family: knn}}
spec:
  objective: {type: maximize, objectiveMetricName: roc_auc}
  algorithm: {algorithmName: random}
  maxTrialCount: 3
  parameters:
    - {name: n_neighbors, parameterType: int, feasibleSpace: {min: "900", max: "1000"}}
"""


def test_a_search_that_finds_nothing_leaves_its_page(tmp_path: Path) -> None:
    """More neighbours than rows: all trials fail, and the page among the failed run's files says why."""
    table = write_table(tmp_path / "few.csv", rows=80)
    (tmp_path / "far.yaml").write_text(_FAR)
    home = tmp_path / "out"
    options = ("--experiment", str(tmp_path / "far.yaml"), "--output", str(home))
    ended = headrace("run", str(table), "--target", "churn", *options)
    assert ended.returncode == 2, ended.stdout + ended.stderr
    page = (home / "failed" / "search.html").read_text()
    assert "Nothing was found." in page
    assert "Expected n_neighbors" in page
    assert "No trial ran to its end." in (home / "failed" / "report.html").read_text()
