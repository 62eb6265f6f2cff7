"""What every registry promises, over a SQLite file and over a real MLflow server."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from headrace.core.base.errors import InputError, MissingError
from headrace.registry.mlflow.registry import MlflowRegistry, open_registry
from headrace.registry.models.policy import StagePolicy, StageRule
from headrace.registry.models.state import STAGES
from tests.registry.conftest import Make


def test_a_first_version_is_numbered_and_known_by_all_its_names(
    registry: MlflowRegistry, make: Make, name: str
) -> None:
    """The first version is 1.0.0; number, version, digest and ``latest`` lead to it."""
    given = make(name=name)
    made = registry.register(given, by="ann", reason="the first one")
    assert (made.version, made.digest, made.uri, made.by) == ("1.0.0", given.digest, given.uri, "ann")
    assert made.full == f"1.0.0+{given.digest[:12]}"
    state = registry.model(name)
    for text in (str(made.number), "1.0.0", "v1.0.0", made.full, "latest", given.digest, given.digest[:8]):
        assert state.find(text) == made
    assert [(entry.action, entry.by, entry.reason) for entry in state.entries] == [("register", "ann", "the first one")]
    assert made.facts["metrics"]["roc_auc"]["low"] < made.facts["metrics"]["roc_auc"]["value"]
    assert name in [found.model for found in registry.models()]


def test_a_bundle_that_is_registered_again_keeps_its_version(registry: MlflowRegistry, make: Make, name: str) -> None:
    """Registering is idempotent: nothing is written, and no number is used up."""
    given = make(name=name)
    first = registry.register(given, by="ann")
    assert registry.register(given, by="bob", semantic_version="7.0.0") == first
    assert len(registry.model(name).entries) == 1


@pytest.mark.parametrize(
    ("change", "version", "level"),
    [
        ({"contract": lambda text: text.replace("- premium", "- gold").replace("premium", "gold")}, "2.0.0", "major"),
        ({"contract": lambda text: text.replace("premium", "premium, gold")}, "1.1.0", "minor"),
        ({"metric": {"value": 0.999, "low": 0.998, "high": 1.0}}, "1.1.0", "minor"),
        ({}, "1.0.1", "patch"),
    ],
    ids=["a category is gone", "a category is new", "clearly better", "the same but for the data"],
)
def test_the_version_follows_from_contract_and_metrics(
    registry: MlflowRegistry, make: Make, name: str, change: dict[str, object], version: str, level: str
) -> None:
    """A breaking contract raises the first number, an additive one or clearly other metrics the second."""
    registry.register(make(name=name), by="ann")
    registry.promote(name, "1.0.0", stage="production", by="ann")
    made = registry.register(make(name=name, **change), by="ann")
    assert (made.version, made.facts["level"]) == (version, level)
    assert bool(made.facts["changes"]) == (level != "patch")


def test_two_candidates_for_one_place_get_two_numbers(registry: MlflowRegistry, make: Make, name: str) -> None:
    """Both follow 1.0.0 in production; the second one gets the next free number."""
    registry.register(make(name=name), by="ann")
    registry.promote(name, "1.0.0", stage="production", by="ann")
    versions = [registry.register(make(name=name), by="ann").version for _ in range(3)]
    assert versions == ["1.0.1", "1.0.2", "1.0.3"]


def test_a_number_is_given_once(registry: MlflowRegistry, make: Make, name: str) -> None:
    """A person may choose a number, but not one that another bundle has; nothing is changed."""
    registry.register(make(name=name), by="ann", semantic_version="3.1.4")
    with pytest.raises(InputError, match=r"3\.1\.4 is taken by another bundle"):
        registry.register(make(name=name), by="ann", semantic_version="3.1.4")
    with pytest.raises(InputError, match="three numbers"):
        registry.register(make(name=name), by="ann", semantic_version="new")
    assert [version.version for version in registry.model(name).versions] == ["3.1.4"]


def test_a_version_goes_through_the_stages_and_back(registry: MlflowRegistry, make: Make, name: str) -> None:
    """Each stage holds one version; a rollback names none and finds the one before, or names any earlier one."""
    for _ in range(3):
        registry.register(make(name=name), by="ann")
    for stage in STAGES:
        registry.promote(name, "1.0.0", stage=stage, by="ann")
    assert registry.model(name).find("1.0.0").stages == STAGES
    registry.promote(name, "1.0.1", stage="production", by="ann")
    registry.promote(name, "1.0.2", stage="production", by="bob", reason="better")
    assert registry.model(name).find("production").version == "1.0.2"
    assert registry.rollback(name, by="eve", reason="errors").version == "1.0.1"
    assert registry.rollback(name, to_version="1.0.0", by="eve", reason="still errors").version == "1.0.0"
    entries = registry.model(name).entries[-2:]
    assert [(entry.action, entry.by, entry.reason) for entry in entries] == [
        ("rollback", "eve", "errors"),
        ("rollback", "eve", "still errors"),
    ]


def test_promoting_what_is_there_changes_nothing(registry: MlflowRegistry, make: Make, name: str) -> None:
    """A second promotion of the same version leaves no entry."""
    registry.register(make(name=name), by="ann")
    registry.promote(name, "latest", stage="staging", by="ann")
    registry.promote(name, "latest", stage="staging", by="bob")
    assert len(registry.model(name).entries) == 2


def test_what_was_rejected_is_never_promoted(registry: MlflowRegistry, make: Make, name: str) -> None:
    """The gate's verdict in the bundle decides, in every stage; a held version waits before production."""
    registry.register(make(name=name, verdict="reject"), by="ann")
    registry.register(make(name=name, verdict="hold"), by="ann")
    for stage in STAGES:
        with pytest.raises(InputError, match=r"the gate rejected .* \(It is a reject\.\)"):
            registry.promote(name, "1.0.0", stage=stage, by="ann")
    assert registry.promote(name, "1.0.1", stage="staging", by="ann").stages == ("staging",)
    with pytest.raises(InputError, match="must have the gate's verdict promote to enter production; it has hold"):
        registry.promote(name, "1.0.1", stage="production", by="ann")
    with pytest.raises(InputError, match="rejected"):
        registry.approve(name, "1.0.0", by="bob", reason="please")
    assert registry.model(name).stages == {"staging": registry.model(name).find("1.0.1").number}


def test_unknown_names_are_told_with_the_known_ones(registry: MlflowRegistry, make: Make, name: str) -> None:
    """A model, a version or a stage that is not there is one sentence."""
    registry.register(make(name=name), by="ann")
    with pytest.raises(MissingError, match="no model 'nobody'"):
        registry.model("nobody")
    with pytest.raises(MissingError, match=r"no version '9\.9\.9' .* it has 1\.0\.0"):
        registry.promote(name, "9.9.9", stage="staging", by="ann")
    with pytest.raises(InputError, match="must be one of development, staging, production; got 'heaven'"):
        registry.promote(name, "1.0.0", stage="heaven", by="ann")


def test_rolling_back_to_nothing(registry: MlflowRegistry, make: Make, name: str) -> None:
    """An empty stage, a first version and a later version are refused, each in one sentence, and nothing is changed."""
    registry.register(make(name=name), by="ann")
    registry.register(make(name=name), by="ann")
    with pytest.raises(InputError, match=r"nothing to roll back: no version of .* is in production"):
        registry.rollback(name, by="ann")
    registry.promote(name, "1.0.0", stage="production", by="ann")
    with pytest.raises(InputError, match="nothing to roll back to"):
        registry.rollback(name, by="ann")
    with pytest.raises(InputError, match=r"1\.0\.1 came after 1\.0\.0"):
        registry.rollback(name, to_version="1.0.1", by="ann")
    with pytest.raises(MissingError, match=r"0\.9\.0"):
        registry.rollback(name, to_version="0.9.0", by="ann")
    assert len(registry.model(name).entries) == 3


def test_an_archived_version_is_out_of_use_until_it_is_brought_back(
    registry: MlflowRegistry, make: Make, name: str
) -> None:
    """It enters no stage; one that is in a stage cannot be archived."""
    registry.register(make(name=name), by="ann")
    registry.register(make(name=name), by="ann")
    registry.promote(name, "1.0.1", stage="production", by="ann")
    assert registry.archive(name, "1.0.0", by="ann", reason="too old").archived
    with pytest.raises(InputError, match="is archived"):
        registry.promote(name, "1.0.0", stage="staging", by="ann")
    with pytest.raises(InputError, match="is archived"):
        registry.rollback(name, to_version="1.0.0", by="ann")
    with pytest.raises(InputError, match=r"1\.0\.1 is in production"):
        registry.archive(name, "1.0.1", by="ann")
    assert not registry.restore(name, "1.0.0", by="ann").archived
    assert registry.promote(name, "1.0.0", stage="staging", by="ann").stages == ("staging",)


def test_the_policy_is_kept_and_asked(make: Make, name: str, tmp_path: Path) -> None:
    """Approvals, the order of stages and the verdicts are asked for by what the registry keeps, whoever asks."""
    registry = open_registry(str(tmp_path / "registry.db"))
    assert registry.policy() == StagePolicy() if (tmp_path / "registry.db").exists() else True
    registry.register(make(name=name), by="ann")
    strict = StagePolicy(
        {**StagePolicy().rules, "production": StageRule(("promote",), requires_stage="staging", approvals=2)}
    )
    registry.set_policy(strict, by="head", reason="audit")
    asked = open_registry(str(tmp_path / "registry.db"))
    assert asked.policy() == strict
    with pytest.raises(InputError, match="must have been in staging before production"):
        asked.promote(name, "1.0.0", stage="production", by="ann")
    asked.promote(name, "1.0.0", stage="staging", by="ann")
    with pytest.raises(InputError, match="needs 2 approvals of others than you to enter production; it lacks 2"):
        asked.promote(name, "1.0.0", stage="production", by="ann")
    asked.approve(name, "1.0.0", by="ann", reason="mine")
    asked.approve(name, "1.0.0", by="bob", reason="read the report")
    with pytest.raises(InputError, match="it lacks 1"):
        asked.promote(name, "1.0.0", stage="production", by="ann")
    with pytest.raises(InputError, match=r"bob has approved .* already"):
        asked.approve(name, "1.0.0", by="bob", reason="again")
    with pytest.raises(InputError, match="must have a reason"):
        asked.approve(name, "1.0.0", by="eve", reason=" ")
    asked.approve(name, "1.0.0", by="eve", reason="tried it")
    assert asked.promote(name, "1.0.0", stage="production", by="ann").stages == ("staging", "production")
    (entry,) = asked.policy_entries()
    assert (entry.by, entry.reason) == ("head", "audit")


def test_people_at_once_lose_nothing(address: str, registry: MlflowRegistry, make: Make, name: str) -> None:
    """Threads that register, promote and approve at once leave every entry, each number once, and aliases that fit."""
    registry.register(make(name=name), by="ann")
    given = [make(name=name) for _ in range(4)]

    def work(place: int) -> None:
        own = open_registry(address)
        version = own.register(given[place], by=f"p{place}")
        own.approve(name, version.version, by=f"p{place}", reason="mine")
        own.promote(name, version.version, stage="production", by=f"p{place}")

    with ThreadPoolExecutor(len(given)) as pool:
        list(pool.map(work, range(len(given))))
    state = registry.model(name)
    assert [entry.number for entry in state.entries] == list(range(1, 14))
    assert len({version.version for version in state.versions}) == len(given) + 1
    for place in range(len(given)):
        assert [e.action for e in state.entries if e.by == f"p{place}"] == ["register", "approve", "promote"]
    shown = registry._client().get_registered_model(name)
    assert {alias: int(number) for alias, number in shown.aliases.items()} == dict(state.stages)
    assert len(registry._client().search_model_versions(f"name = '{name}'")) == len(given) + 1


_RACE = """
import sys
from pathlib import Path
from headrace.registry.mlflow.registry import open_registry
from headrace.registry.models.submission import ModelSubmission
address, folder, uri, who = sys.argv[1:]
print(open_registry(address).register(ModelSubmission.read(Path(folder), uri=uri), by=who).full)
"""


@pytest.mark.timeout(600)
def test_processes_that_register_one_bundle_at_once_agree(
    address: str, registry: MlflowRegistry, make: Make, name: str, tmp_path: Path
) -> None:
    """Three processes register the same, in a file that is not there yet; one version comes of it, and no debris."""
    given = make(name=name)
    place = address if "://" in address else str(tmp_path / "new" / "registry.db")
    command = [sys.executable, "-c", _RACE, place, str(given.folder), given.uri]
    started = [subprocess.Popen([*command, f"p{place}"], stdout=subprocess.PIPE, text=True) for place in range(3)]
    told = {process.communicate(timeout=500)[0].strip() for process in started}
    assert told == {f"1.0.0+{given.digest[:12]}"}
    found = open_registry(place)
    assert len(found.model(name).entries) == 1
    assert len(found._client().search_model_versions(f"name = '{name}'")) == 1
    if "://" not in place:
        assert [path.name for path in Path(place).parent.iterdir() if path.name.startswith(".")] == []


def test_mlflow_shows_what_the_journal_says(registry: MlflowRegistry, make: Make, name: str) -> None:
    """Aliases, tags, the run with parameters, metrics, data and artifacts: all in MLflow's own terms."""
    given = make(name=name)
    version = registry.register(given, by="ann")
    registry.promote(name, "1.0.0", stage="production", by="ann")
    client = registry._client()
    shown = client.get_model_version_by_alias(name, "production")
    assert (int(shown.version), shown.source, shown.run_id) == (version.number, given.uri, version.facts["run"])
    assert shown.tags["headrace.version"] == version.full
    assert "roc_auc" in shown.description
    run = client.get_run(shown.run_id)
    assert run.info.status == "FINISHED"
    assert run.data.params["family"] == "logistic"
    assert run.data.metrics["roc_auc"] == given.metrics.metrics["roc_auc"].value
    assert run.data.tags["mlflow.user"] == "ann"
    data = {tag.value: used.dataset for used in run.inputs.dataset_inputs for tag in used.tags}
    assert set(data) == {"training", "evaluation"}
    assert data["training"].name == "customers.csv (train)"
    assert given.provenance.table.digest in data["training"].source
    held = {item.path for item in client.list_artifacts(shown.run_id)}
    assert {"card.md", "contract.yaml", "metrics.json", "provenance.json"} <= held
    assert "model.skops" not in held
    assert [output.model_id for output in run.outputs.model_outputs]


def test_an_alias_that_was_moved_by_hand_is_put_right(registry: MlflowRegistry, make: Make, name: str) -> None:
    """The journal decides; the next write shows it again."""
    registry.register(make(name=name), by="ann")
    other = registry.register(make(name=name), by="ann")
    first = registry.promote(name, "1.0.0", stage="production", by="ann")
    client = registry._client()
    client.set_registered_model_alias(name, "production", str(other.number))
    registry.approve(name, "1.0.1", by="bob", reason="looks good")
    assert int(client.get_model_version_by_alias(name, "production").version) == first.number


def test_a_rejected_run_is_tracked_once(registry: MlflowRegistry, make: Make, name: str) -> None:
    """A run without a version is seen too, and a step that is tried again adds none."""
    given = make(name=name, verdict="reject")
    first = registry.track(given, by="ann", job="job-1")
    assert registry.track(given, by="ann", job="job-1") == first
    assert registry.track(given, by="ann", job="job-2") != first
    with pytest.raises(MissingError):
        registry.model(name)


def test_small_files_of_a_version_are_read_back(registry: MlflowRegistry, make: Make, name: str) -> None:
    """The card and the contract come from the registry, without the store; others are told to be absent."""
    version = registry.register(make(name=name), by="ann")
    assert registry.text(version, "card.md").startswith("# Model card")
    with pytest.raises(MissingError, match=r"has no model\.skops"):
        registry.text(version, "model.skops")


def test_what_a_killed_writer_left_is_taken_up(registry: MlflowRegistry, make: Make, name: str) -> None:
    """A version that MLflow has and the journal has not becomes that of the bundle when it is registered again."""
    given = make(name=name)
    client = registry._client()
    client.create_registered_model(name)
    left = client.create_model_version(name, given.uri, tags={"headrace.digest": given.digest}, await_creation_for=0)
    with pytest.raises(MissingError):
        registry.model(name)
    assert registry.register(given, by="ann").number == int(left.version)
    assert len(client.search_model_versions(f"name = '{name}'")) == 1


def test_a_decision_of_the_monitoring_is_recorded_once_for_each_window(
    registry: MlflowRegistry, make: Make, name: str
) -> None:
    """Repeating it leaves no second entry, whatever it says then; stages and versions are untouched."""
    registered = registry.register(make(name=name), by="ann")
    window = {"start": "2026-03-01T00:00:00Z", "end": "2026-03-02T00:00:00Z"}
    for outcome in ("warn", "retrain"):
        facts = {"window": window, "outcome": outcome}
        assert (
            registry.add_decision(name, registered.digest, facts=facts, by="monitor", reason="It drifts.").stages == ()
        )
    later = {"window": {**window, "end": "2026-03-03T00:00:00Z"}, "outcome": "stop"}
    registry.add_decision(name, registered.digest, facts=later, by="monitor", reason="It is broken.")
    entries = [(entry.action, entry.facts.get("outcome")) for entry in registry.model(name).entries]
    assert entries == [("register", None), ("decision", "warn"), ("decision", "stop")]
    with pytest.raises(MissingError, match="no version"):
        registry.add_decision(name, "f" * 64, facts=later, by="monitor", reason="Nobody knows it.")


def test_a_version_that_is_pulled_out_leaves_production_in_one_entry(
    registry: MlflowRegistry, make: Make, name: str
) -> None:
    """Stage, mark and alias change together and once; a version that never was in production needs approvals."""
    given = [make(name=name) for _ in range(3)]
    for one in given[:2]:
        registry.register(one, by="ann")
        registry.promote(name, one.digest, stage="production", by="ann")
    facts = {"plan": "shadow", "decision": "d" * 64}
    for _ in range(2):
        pulled = registry.pull_out(
            name, given[1].digest, successor=given[0].digest, facts=facts, by="ann", reason="errors"
        )
        assert (pulled.pulled_out, pulled.state, pulled.stages) == ("shadow", "pulled out", ())
    state = registry.model(name)
    assert [entry.action for entry in state.entries].count("pull_out") == 1
    assert state.stage("production") == state.with_digest(given[0].digest)
    assert state.shadows == (pulled,)
    shown = registry._client()  # what MLflow's own users see
    assert int(shown.get_model_version_by_alias(name, "production").version) == state.stages["production"]
    assert shown.get_model_version(name, str(pulled.number)).tags["headrace.pulled_out"] == "shadow"
    with pytest.raises(InputError, match="must be replaced by another version"):
        registry.pull_out(name, given[0].digest, successor=given[0].digest, facts=facts, by="ann", reason="errors")
    registry.promote(name, given[1].digest, stage="production", by="ann", reason="it is good again")
    assert registry.model(name).shadows == ()
    assert shown.get_model_version(name, str(pulled.number)).tags["headrace.pulled_out"] == "no"
