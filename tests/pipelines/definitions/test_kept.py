"""A pipeline that an earlier version compiled runs on this one."""

from pathlib import Path

from headrace.core.runtime.processes import lease
from headrace.pipelines.local.run_folder import TrialFolder
from headrace.pipelines.local.runner import run_pipeline
from tests.conftest import write_table

KEPT = Path(__file__).with_name("compiled_by_0_1_0.yaml")


def test_a_pipeline_of_an_earlier_version_runs(tmp_path: Path) -> None:
    """It is on somebody's cluster while the image's tag has moved on: do not compile it again, mend the code.

    Its parameters are the final ones of 0.1.0, so from now on the file stays as it is. It names what it runs by one
    line, passes parameters by their names, and leaves the rest to the components.
    """
    table = write_table(tmp_path / "customers.csv", rows=120)
    with lease(tmp_path / "lease") as held:
        folder = TrialFolder(tmp_path / "run", held)
        folder.begin()
        outcome = run_pipeline(
            KEPT, {"source": str(table), "target": "churn"}, folder=folder, environment={}, watch=lambda _: None
        )
    assert outcome.error is None, folder.log.read_text()[-3000:]
    ended = [step.name for step in outcome.steps]
    assert ended == ["fingerprint", "ingest", "infer_contract", "validate", "engineer", "split"]
    assert list(folder.steps.glob("*/split/train_table"))
