"""What the registry remembers of a rollout."""

from pathlib import Path

import pytest

from headrace.registry.mlflow.registry import open_registry
from headrace.registry.models.history_text import describe_entry
from headrace.registry.models.policy import StagePolicy, StageRule
from headrace.rollouts.record.record import RolloutPlan, RolloutRecord, RolloutStep, RolloutVersion
from headrace.rollouts.record.registry_note import decision, enter_production, record_in_registry
from tests.made_bundle import copy_bundle
from tests.registry.made import variant


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A registry with one version, and its digest in a file beside it."""
    folder = tmp_path_factory.mktemp("registered")
    bundle = copy_bundle(folder / "made").folder
    submission = variant(bundle, folder / "bundle")
    open_registry(str(folder / "registry.db")).register(submission, by="ann")
    (folder / "digest").write_text(submission.digest)
    return folder


def ended(digest: str, *, status: str = "promoted", steps: int = 2) -> RolloutRecord:
    """A rollout that is over."""
    step = RolloutStep(percent=50, began="2026-01-01T00:00:00+00:00", decision="continue", reason="all is well " * 40)
    return RolloutRecord.model_validate(
        {
            "name": "customers",
            "platform": "kserve",
            "traffic": "canary",
            "metrics": "prometheus",
            "stable": RolloutVersion(uri="s3://m/a/", digest="a" * 64),
            "candidate": RolloutVersion(uri="s3://m/b/", digest=digest),
            "plan": RolloutPlan(),
            "status": status,
            "began": "2026-01-01T00:00:00+00:00",
            "steps": (step,) * steps,
            "reasons": ("after 500 requests every check is surely within its bound.",),
        }
    )


def test_the_history_tells_of_a_rollout_once(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With who, what and why, and the digest of the record; told again, nothing is added."""
    monkeypatch.setenv("HEADRACE_REGISTRY", str(place / "registry.db"))
    monkeypatch.setenv("HEADRACE_ACTOR", "bob")
    digest = (place / "digest").read_text()
    one, other = ended(digest), ended(digest, status="rolled_back")
    assert record_in_registry(one) == f"in the history of customers 1.0.0 in {place / 'registry.db'}"
    assert record_in_registry(one) == record_in_registry(other)
    state = open_registry().model("customers")
    entries = [entry for entry in state.entries if entry.action == "rollout"]
    assert [describe_entry(entry, state) for entry in entries] == [
        "rolled 1.0.0 out to customers: promoted",
        "rolled 1.0.0 out to customers: rolled back",
    ]
    assert (entries[0].by, entries[0].reason) == ("bob", one.reasons[0])
    assert entries[0].facts["record"] == decision(one)["record"]
    assert [step["percent"] for step in entries[0].facts["steps"]] == [50, 50]


def test_the_longest_rollout_finds_room(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundred steps with long reasons, in an entry whose size is limited."""
    monkeypatch.setenv("HEADRACE_REGISTRY", str(place / "registry.db"))
    assert record_in_registry(ended((place / "digest").read_text(), steps=100)).startswith(
        "in the history of customers"
    )


def test_what_cannot_be_told_is_said(place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An unknown version, and no registry at all: the rollout is over either way."""
    monkeypatch.setenv("HEADRACE_REGISTRY", str(place / "registry.db"))
    assert "not in the registry: no version in the registry" in record_in_registry(ended("f" * 64))
    monkeypatch.delenv("HEADRACE_REGISTRY")
    monkeypatch.chdir(tmp_path)
    assert record_in_registry(ended("f" * 64)) == "in no registry, because there is none here"
    assert list(tmp_path.iterdir()) == []


def test_a_version_enters_production_if_the_policy_allows_it(place: Path) -> None:
    """Who waits for a person learns it; without a registry nothing is claimed."""
    digest, registry = (place / "digest").read_text(), place / "registry.db"
    models = open_registry(str(registry))
    careful = StageRule(verdicts=("promote",), approvals=1)
    models.set_policy(StagePolicy({**StagePolicy().rules, "production": careful}), by="ann")
    version, sentence = enter_production("customers", digest, str(registry))
    assert version == ""
    assert sentence.startswith(f"customers@production in {registry} stays what it was: customers 1.0.0 needs 1 approv")
    assert models.model("customers").stage("production") is None
    models.set_policy(StagePolicy(), by="ann")
    for _ in range(2):
        version, sentence = enter_production("customers", digest, str(registry))
        assert (version, sentence) == ("1.0.0", f"customers@production in {registry} is 1.0.0 now.")
    assert models.model("customers").find("production").digest == digest
    assert [entry.action for entry in models.model("customers").entries].count("promote") == 1


def test_the_stage_stays_if_the_endpoint_served_another_version(place: Path, tmp_path: Path) -> None:
    """An endpoint for trials says nothing of production; production's own endpoint does."""
    registry = str(tmp_path / "registry.db")
    models = open_registry(registry)
    bundle = copy_bundle(tmp_path / "made").folder
    served = [variant(bundle, tmp_path / name, mark=name) for name in ("old", "new")]
    old, new = (models.register(one, by="ann") for one in served)
    models.promote("customers", old.digest, stage="production", by="ann", reason="The first one.")
    version, sentence = enter_production("customers", new.digest, registry, replaced="f" * 64)
    assert (version, sentence) == (
        "",
        f"customers@production in {registry} stays {old.version}, for the endpoint served another version.",
    )
    assert models.model("customers").find("production").digest == old.digest
    for _ in range(2):
        version, _ = enter_production("customers", new.digest, registry, replaced=old.digest)
        assert version == new.version
    assert models.model("customers").find("production").digest == new.digest


@pytest.mark.parametrize(("digest", "registry"), [("", "registry.db"), ("f" * 64, "")])
def test_without_a_registry_the_stage_stays(digest: str, registry: str) -> None:
    """The sentence says so."""
    version, sentence = enter_production("customers", digest, registry)
    assert version == ""
    assert sentence == "No registry knows the new version, so that customers@production stays what it was."
