"""``hr.pull_out``: what was decided is carried out, once; without a decision, an approval or a way, nothing changes."""

from pathlib import Path

import polars as pl
import pytest

import headrace.api as hr
from headrace.core.base.errors import ClusterError, InputError
from headrace.core.monitors.decisions.pull_out import PullOutRecord
from headrace.monitoring.decisions.history import HistoryStore
from headrace.monitoring.pull_outs.carry_out import PullOutOrder, carry_out
from headrace.monitoring.pull_outs.successor import find_plan_fault
from headrace.registry.mlflow.registry import MlflowRegistry
from headrace.registry.models.history_text import describe_entry
from headrace.registry.models.policy import StagePolicy, StageRule
from headrace.stores.objects.open_objects import open_objects
from headrace.stores.objects.stored_documents import read_document
from tests.conftest import headrace
from tests.monitoring.monitors.pump_store import pump_bundle
from tests.monitoring.pull_outs.made_versions import Life, copy_life, rules

BAD = {"error_rate": "violated", "missing": "ok"}
CALM = {"error_rate": "ok", "missing": "ok"}
BROKEN = {"error_rate": "violated", "missing": "data_fault"}


@pytest.fixture
def life(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Life:
    """A model whose third version is in production."""
    return _live(tmp_path, monkeypatch, 3)


@pytest.fixture
def first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Life:
    """A model whose first version is in production."""
    return _live(tmp_path, monkeypatch, 1)


def _live(home: Path, monkeypatch: pytest.MonkeyPatch, count: int) -> Life:
    monkeypatch.chdir(home)
    monkeypatch.setenv("HEADRACE_REGISTRY", str(home / "registry.db"))
    monkeypatch.setenv("HEADRACE_ACTOR", "ann")
    return copy_life(home, count)


def _entries(life: Life) -> list[str]:
    state = life.registry.model(life.name)
    return [describe_entry(entry, state) for entry in state.entries]


def test_the_version_before_takes_over_once_and_the_other_is_marked(life: Life) -> None:
    """By the history, not by the number; repeated it says so, and no rollback goes back to what was pulled out."""
    life.registry.rollback(life.name, to_version="1.0.0", by="ann", reason="a test of the history")
    life.registry.rollback(life.name, to_version="1.0.2", by="ann", reason="and back")
    decision = life.decide(3, BAD, rules())
    assert (decision.outcome, decision.pull_out) == ("roll_back", "roll_back")
    done = hr.pull_out(f"{life.name}@production", life.store)
    assert (done.status, done.version, done.successor) == ("pulled_out", "1.0.2", "1.0.0")
    assert life.in_production() == "1.0.0"
    again = hr.pull_out(life.folders[2], life.store)
    assert (again.status, again.successor) == ("known", "1.0.0")
    entry = life.registry.model(life.name).entries[-1]
    assert (entry.action, entry.facts["decision"]) == ("pull_out", decision.document_digest)
    assert _entries(life)[-1] == (
        "pulled 1.0.2 out of production: 1.0.0 took over (roll_back), by the decision of the monitoring"
    )
    place = open_objects(life.store)
    record = read_document(place, f"{life.name}/pull-outs/{life.versions[2].digest}-1.json", PullOutRecord)
    assert record == done.record
    assert (record.decision, record.successor_uri) == (decision.document_digest, str(life.folders[0]))
    with pytest.raises(InputError, match=r"was pulled out of production, so that nothing goes back to it: promote"):
        life.registry.rollback(life.name, to_version="1.0.2", by="ann", reason="by mistake")
    assert life.registry.rollback(life.name, by="ann", reason="1.0.0 is bad too").version == "1.0.1"
    # A person who promotes it takes the mark away.
    life.registry.promote(life.name, "1.0.2", stage="production", by="ann", reason="the sensor was to blame")
    assert life.registry.model(life.name).find("1.0.2").pulled_out == ""
    with pytest.raises(InputError, match="is pulled out only if a decision that stands says so"):
        hr.pull_out(life.folders[2], life.store)  # the decision was carried out before


@pytest.mark.parametrize("statuses", [CALM, BROKEN])
def test_nothing_is_pulled_out_without_a_decision_that_says_so(life: Life, statuses: dict[str, object]) -> None:
    """Nor where the data are broken, whatever else is violated: exit code 2, one sentence, nothing changed."""
    outcome = life.decide(3, statuses, rules()).outcome  # type: ignore[arg-type]
    assert outcome in {"nothing", "stop"}
    before = _entries(life)
    ended = headrace("pull-out", f"{life.name}@production", life.store)
    assert ended.returncode == 2
    assert f"the latest decision about it is {outcome}" in ended.stderr
    assert ended.stderr.count("\n") == 1
    assert (life.in_production(), _entries(life)) == ("1.0.2", before)
    assert not (Path(life.store) / life.name / "pull-outs").exists()


def test_a_person_may_pull_it_out_by_a_reason(life: Life) -> None:
    """Without any decision; the reason is in the history and in the record."""
    (life.home / "store").mkdir()
    done = headrace("pull-out", f"{life.name}@1.0.2", life.store, "--reason", "complaints since noon")
    assert done.returncode == 0, done.stderr
    assert "1.0.2 is pulled out, and 1.0.1 takes over." in done.stdout
    assert f"Next: headrace serve {life.name}@production" in done.stdout
    entry = life.registry.model(life.name).entries[-1]
    assert (entry.reason, entry.facts.get("decision")) == ("complaints since noon", None)


def test_it_waits_for_an_approval_of_this_decision(life: Life) -> None:
    """An approval of the version itself, such as of its rollout, is none; the same person may approve of both."""
    life.registry.approve(life.name, "1.0.2", by="ann", reason="read the report")
    life.decide(3, BAD, rules(approve=("roll_back",)))
    waits = headrace("pull-out", f"{life.name}@production", life.store)
    assert waits.returncode == 0, waits.stderr
    assert "waits for a person's approval" in waits.stdout
    assert f"headrace approve {life.name} 1.0.2 --pull-out --reason ..., and the same command again" in waits.stdout
    assert life.in_production() == "1.0.2"
    approved = headrace("approve", life.name, "1.0.2", "--pull-out", "--reason", "the labels are right")
    assert approved.returncode == 0, approved.stderr
    with pytest.raises(InputError, match=r"has approved the pull-out of customers 1\.0\.2 already"):
        life.registry.approve(life.name, "1.0.2", by="ann", reason="again", pull_out=True)
    done = hr.pull_out(f"{life.name}@production", life.store)
    assert (done.status, done.record.approved_by if done.record else ()) == ("pulled_out", ("ann",))
    assert life.in_production() == "1.0.1"


def test_an_approval_needs_a_decision(life: Life) -> None:
    """Nobody approves of what was not decided."""
    life.decide(3, CALM, rules())
    with pytest.raises(InputError, match=r"no decision to pull customers 1\.0\.2 out is recorded"):
        life.registry.approve(life.name, "1.0.2", by="ann", reason="just in case", pull_out=True)


def test_a_kill_at_any_point_is_completed_by_the_same_command(life: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    """The registry changes last, so that NAME@production is the same version until all is done."""
    life.decide(3, BAD, rules())
    served: list[str] = []

    def serve(uri: str, former: str) -> str:
        assert former == life.versions[2].digest
        served.append(uri)
        return "pumps"

    order = PullOutOrder(rules(), plan_from_policy=False, reason="", folder=life.home / "baseline", serve=serve)
    place = open_objects(life.store)
    for owner, name in ((HistoryStore, "add_pull_out"), (MlflowRegistry, "pull_out")):
        with monkeypatch.context() as patched:
            patched.setattr(owner, name, lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
            with pytest.raises(KeyboardInterrupt):
                carry_out(pump_bundle(), place, order)
        assert life.in_production() == "1.0.2"
    done = carry_out(pump_bundle(), place, order)
    assert (done.status, life.in_production(), done.record.endpoint if done.record else "") == (
        "pulled_out",
        "1.0.1",
        "pumps",
    )
    assert served == [str(life.folders[1])] * 3
    assert [entry.action for entry in life.registry.model(life.name).entries].count("pull_out") == 1


def test_an_endpoint_that_does_not_change_leaves_the_registry_as_it_is(life: Life) -> None:
    """The successor does not come up: the error is the deployer's, and nothing is recorded."""
    life.decide(3, BAD, rules())

    def fail(_uri: str, _former: str) -> str:
        raise ClusterError("the image cannot be pulled; pumps answers with the version as before.")

    order = PullOutOrder(rules(), plan_from_policy=False, reason="", folder=life.home / "baseline", serve=fail)
    with pytest.raises(ClusterError, match="cannot be pulled"):
        carry_out(pump_bundle(), open_objects(life.store), order)
    assert life.in_production() == "1.0.2"
    assert not (Path(life.store) / life.name / "pull-outs").exists()


def test_a_warning_in_the_cool_down_does_not_take_the_decision_back(life: Life) -> None:
    """After the decision of a day the next day may only warn; a calm day takes it back."""
    policy = rules()
    life.decide(3, BAD, policy, days_ago=2)
    assert life.decide(3, BAD, policy, days_ago=1).outcome == "warn"
    assert hr.pull_out(life.folders[2], life.store, policy=policy).status == "pulled_out"


def test_a_calm_day_takes_the_decision_back(life: Life) -> None:
    """What is in order again is not pulled out by a decision of before."""
    life.decide(3, BAD, rules(), days_ago=1)
    assert life.decide(3, CALM, rules()).outcome == "nothing"
    with pytest.raises(InputError, match="the latest decision about it is nothing"):
        hr.pull_out(life.folders[2], life.store)


def test_without_a_former_version_nothing_changes_and_the_remedy_is_named(first: Life) -> None:
    """A policy says so before it is needed; with the plan baseline it can be carried out."""
    fault = find_plan_fault(rules(), first.name, first.versions[0].digest)
    assert "no other one that may serve was in production: set pull_out to baseline" in fault
    assert find_plan_fault(rules("baseline"), first.name, first.versions[0].digest) == ""
    first.decide(1, BAD, rules())
    with pytest.raises(InputError, match="set pull_out to baseline in the monitoring policy"):
        hr.pull_out(first.folders[0], first.store)
    assert first.in_production() == "1.0.0"
    assert not [entry for entry in _entries(first) if entry.startswith("pulled")]


def test_the_baseline_takes_over_as_a_version_like_any_other(first: Life) -> None:
    """It is made, registered and in production; it answers, and is no model to make another baseline of."""
    first.decide(1, BAD, rules())
    done = hr.pull_out(f"{first.name}@production", first.store, policy=rules("baseline"))
    assert (done.status, done.successor, first.in_production()) == ("pulled_out", "1.1.0", "1.1.0")
    made = hr.open_bundle(f"{first.name}@production")
    assert made.json("model.json")["family"] == "baseline"
    rows = [case["request"] for case in pump_bundle().json("cases.json")["cases"]]
    answers = hr.score(f"{first.name}@production", _table(first.home, rows)).frame
    assert answers.select("probability_yes", "label").n_unique() == 1
    again = hr.pull_out(first.folders[0], first.store, policy=rules("baseline"))
    assert again.status == "known"
    assert "is a baseline already" in find_plan_fault(rules("baseline"), first.name, made.digest)


def test_a_baseline_enters_production_only_with_the_approvals_of_the_stage(first: Life) -> None:
    """The registry's policy wants another person's approval of what never was in production."""
    two = StageRule(verdicts=("promote",), approvals=1)
    first.registry.set_policy(StagePolicy({**StagePolicy().rules, "production": two}), by="ann")
    first.decide(1, BAD, rules("baseline"))
    with pytest.raises(InputError, match=r"customers 1.1.0 needs 1 approvals.*headrace approve customers 1.1.0"):
        hr.pull_out(first.folders[0], first.store)
    assert first.in_production() == "1.0.0"
    first.registry.approve(first.name, "1.1.0", by="bob", reason="better than this")
    assert hr.pull_out(first.folders[0], first.store).status == "pulled_out"
    assert first.in_production() == "1.1.0"


def _table(home: Path, rows: list[dict[str, object]]) -> Path:
    path = home / "rows.parquet"
    pl.DataFrame(rows).write_parquet(path)
    return path
