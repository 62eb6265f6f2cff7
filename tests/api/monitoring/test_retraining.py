"""``hr.retrain``: after a change of the world a new version takes over; else, or with broken data, the former stays."""

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from typer.testing import CliRunner

import headrace.api as hr
from headrace.cli.main import app
from headrace.core.base.errors import DataError
from headrace.core.bundles.bundle import open_bundle
from headrace.core.monitors.decisions.policy import MonitoringPolicy, RetrainingPolicy
from headrace.core.packaging.provenance_document import Provenance
from headrace.core.runtime.processes import lease
from headrace.pipelines.local.run_folder import run_folder
from headrace.pipelines.local.runner import run_pipeline
from headrace.registry.mlflow.registry import open_registry
from headrace.stores.bundles.bundle_store import publish
from headrace.stores.objects.local_s3 import local_store
from headrace.stores.objects.object_store import connect
from tests.conftest import headrace

FREE = MonitoringPolicy()
ASKING = MonitoringPolicy(approve=("roll_out",))


def customers(count: int, *, seed: int, turned: bool = False, timed: bool = True) -> pl.DataFrame:
    """Customers whose churn depends on their age and plan, or on their age the other way round."""
    draw = random.Random(seed)  # noqa: S311 - test data
    rows: list[dict[str, Any]] = []
    for number in range(count):
        age, plan = draw.randint(18, 90), draw.choice(["basic", "plus", "premium"])
        score = (age - 50) / 15 * (-1 if turned else 1) + (plan == "basic") * 1.5 - 0.5 + draw.gauss(0, 0.8)
        rows.append({"age": age, "plan": plan, "churn": "yes" if score > 0 else "no"})
        if timed:
            rows[-1]["time"] = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=10 * number)
    return pl.DataFrame(rows)


@pytest.fixture(scope="module")
def champion(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run, whose bundle has a copy of its rows."""
    home = tmp_path_factory.mktemp("champion") / "life"
    hr.run(
        customers(500, seed=1, timed=False),
        "churn",
        name="life",
        include_data=True,
        budget=1,
        families="logistic",
        publish=False,
        output=home,
    )
    return home


def test_rows_that_are_not_fit_are_a_data_fault(tmp_path: Path, line: Any) -> None:
    """Nothing is trained, nothing is stored; on the command line it is the exit code 4."""
    broken = pl.read_csv(line.table).with_columns(
        pl.lit("gold").alias("plan"), pl.lit("2026-01-01T00:00:00Z").alias("time")
    )
    with pytest.raises(DataError, match="so that nothing is trained"):
        hr.retrain(line.home, tmp_path / "store", new=broken, old=line.table, output=tmp_path / "out")
    broken.write_csv(tmp_path / "broken.csv")
    command = ["retrain", str(line.home), str(tmp_path / "store"), "--new", str(tmp_path / "broken.csv")]
    ended = CliRunner().invoke(app, [*command, "--old", str(line.table), "--output", str(tmp_path / "out")])
    assert ended.exit_code == 4
    assert "so that nothing is trained" in ended.stderr
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--raise-contract", "ranges"], "--raise-contract must be of categories, range, missing; got ranges"),
        (["--platform", "moon"], "must be local or kserve; got 'moon'"),
        (["--endpoint", "tips"], "goes with a rollout on KServe: add --platform kserve"),
        (["--policy", "no.yaml"], "no.yaml"),
        (["--steps", "50,20"], "steps must rise from at least 1 to 100 percent"),
        (["--steps", "half"], "--steps must be percents such as 1,5,25,50,100; got 'half'"),
        (["--tolerance", "errors"], "--tolerance must be METRIC=NUMBER, such as errors=0.02"),
        (["--step-duration", "soon"], "soon"),
        (["--traffic", "canary"], "goes with a rollout on KServe: add --platform kserve"),
        (["--platform", "kserve", "--traffic", "none"], "must be canary, knative, graph or empty; got 'none'"),
        (["--platform", "kserve"], "needs an object store that its pods reach too: set HEADRACE_S3_ENDPOINT"),
    ],
)
def test_options_are_refused_before_anything_is_read(
    options: list[str], says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In one sentence each."""
    monkeypatch.delenv("HEADRACE_S3_ENDPOINT", raising=False)
    ended = CliRunner().invoke(app, ["retrain", "no-model", "store", "--new", "no-table", *options])
    assert says in str(ended.exception)


@pytest.mark.slow
def test_the_world_changes_and_a_better_version_takes_over(
    champion: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It waits for a person first; with the approval the same command makes the same bundle and rolls it out."""
    monkeypatch.chdir(tmp_path)
    new = customers(600, seed=2, turned=True)
    waits = hr.retrain(champion, "store", new=new, policy=ASKING, output="out")
    assert waits.status == "waits", waits.sentence
    assert waits.run.model is not None
    assert open_bundle(champion / "bundle").digest != waits.run.model.digest
    provenance = Provenance.from_json(waits.run.bundle.json("provenance.json"))
    assert provenance.data.copied == ("train", "test")
    open_registry("out/registry.db").approve("life", waits.run.model.digest, by="ann", reason="read the report")
    lines: list[str] = []
    ended = hr.retrain(champion, "store", new=new, policy=ASKING, output="out", progress=lines.append)
    assert ended.run.model is not None
    assert ended.run.model.digest == waits.run.model.digest
    assert ended.status == "promoted", ended.sentence
    assert "500 old and 380 new rows, and measured on the newest 220" in ended.sentence
    assert (tmp_path / "out-rollout.json").exists()
    served = open_registry("out/registry.db").model("life").find("production")
    assert (served.digest, ended.production) == (ended.run.model.digest, f"life {served.version}")
    assert ended.sentence.endswith(f"life@production in {tmp_path / 'out' / 'registry.db'} is {served.version} now.")
    assert [entry.action for entry in open_registry("out/registry.db").model("life").entries].count("rollout") == 1
    third = hr.retrain(
        "out",
        "store",
        new=new,
        policy=MonitoringPolicy(retraining=RetrainingPolicy(rows="sliding", sliding_days=3)),
        output="third",
        rollout=None,
        progress=lines.append,
    )
    assert third.prepared.rows["old"] == 0  # the rows of the first retraining are among the new ones
    assert any("are among the new ones" in text for text in lines)
    # Learned from new rows alone it is better than with the old ones, whose world is gone.
    assert third.status == "published", third.sentence


@pytest.mark.slow
def test_the_world_stays_and_so_does_the_former_version(champion: Path, tmp_path: Path) -> None:
    """The gate does not find the new one better on the newest rows: exit code 3, and a sentence that says why."""
    table = tmp_path / "new.csv"
    customers(600, seed=3).with_columns(pl.col("time").dt.to_string("iso:strict")).write_csv(table)
    ended = headrace(
        "retrain", str(champion), str(tmp_path / "store"), "--new", str(table), "--output", str(tmp_path / "out")
    )
    assert ended.returncode == 3, ended.stdout + ended.stderr
    assert "roc_auc is not clearly different from the champion's" in ended.stdout
    assert "the former version stays" in ended.stdout


@pytest.mark.slow
def test_the_retraining_pipeline_does_the_same(champion: Path, tmp_path: Path) -> None:
    """As pods would run it: rows selected into the store, the training, the gate, the rollout of the better version."""
    new = tmp_path / "new.parquet"
    customers(600, seed=2, turned=True).write_parquet(new)
    policy = tmp_path / "monitoring.yaml"
    policy.write_text("approve: []\n")
    with run_folder(tmp_path / "run") as folder:
        with (
            lease(folder.lease) as held,
            (tmp_path / "store.log").open("wb") as log,
            local_store(tmp_path / "objects", lease_path=held, log=log) as store,
        ):
            uri = publish(champion / "bundle", connect(store))
            outcome = run_pipeline(
                "retraining",
                {
                    "model": uri,
                    "store": "s3://headrace/monitoring",
                    "new": str(new),
                    "policy": str(policy),
                    "families": ["logistic"],
                    "budget": "1",
                    "platform": "local",
                    "steps": [50, 100],
                    "step_requests": 100,
                },
                folder=folder,
                environment=store.environment(),
                watch=lambda _: None,
            )
        assert outcome.error is None
        names = [step.name for step in outcome.steps]
        assert names[0] == "select_rows"
        assert {"gate", "publish", "rollout", "report"} <= set(names)
        record = next(folder.steps.glob("*/**/rollout/record")).read_text()
        assert '"promoted"' in record
