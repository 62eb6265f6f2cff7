"""A big table is prepared by a contract that lies wherever the table does."""

from pathlib import Path

import pytest

from headrace.core.base.files import read_json
from headrace.core.runtime.processes import lease
from headrace.pipelines.local.run_folder import TrialFolder
from headrace.pipelines.local.runner import RunOutcome, run_pipeline
from headrace.stores.objects.local_s3 import local_store
from headrace.stores.objects.object_store import connect
from tests.conftest import Line


def _prepared(line: Line, tmp_path: Path, contract: str) -> tuple[TrialFolder, RunOutcome]:
    """Run the pipeline on the line's table and contract, both in a store that only its steps know."""
    with (
        lease(tmp_path / "lease") as held,
        (tmp_path / "store.log").open("wb") as log,
        local_store(tmp_path / "store", lease_path=held, log=log) as settings,
    ):
        store = connect(settings)
        store.put_file("raw/customers.csv", line.table)
        store.put_file("agreed/contract.yaml", line.home / "contract.yaml")
        folder = TrialFolder(tmp_path / "run", held)
        folder.begin()
        given = {"source": f"s3://{settings.bucket}/raw/customers.csv", "contract": contract}
        outcome = run_pipeline(
            "preparation", given, folder=folder, environment=settings.environment(), watch=lambda _: None
        )
    return folder, outcome


def test_table_and_contract_are_fetched_from_the_store(line: Line, tmp_path: Path) -> None:
    """By the step, with the keys of its environment: KFP's importer would know no other store than its own."""
    folder, outcome = _prepared(line, tmp_path, "s3://headrace/agreed/contract.yaml")
    assert outcome.error is None
    assert [step.name for step in outcome.steps] == ["prepare"]
    (checks,) = folder.steps.glob("*/prepare/checks")
    assert read_json(checks)["rows"]["read"] == len(line.table.read_text().splitlines()) - 1


@pytest.mark.parametrize(
    ("contract", "says"),
    [
        ("s3://headrace/agreed/none.yaml", "there is no object s3://headrace/agreed/none.yaml"),
        ("", "prepare must be given the contract of an earlier step, or its address; got neither."),
    ],
)
def test_a_contract_that_is_not_there_is_one_sentence(line: Line, tmp_path: Path, contract: str, says: str) -> None:
    """Told as the step's own mistake."""
    _, outcome = _prepared(line, tmp_path, contract)
    assert says in str(outcome.error)
