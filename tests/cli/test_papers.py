"""The commands about a model's papers, as a person types them."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from headrace.core.base.settings import StoreSettings
from headrace.core.bundles.bundle import Bundle, open_bundle
from headrace.core.packaging.cards import card_answers
from headrace.core.runtime.processes import lease
from headrace.stores.bundles.bundle_store import publish
from headrace.stores.objects.local_s3 import local_store
from headrace.stores.objects.object_store import connect
from tests.conftest import headrace, write_table
from tests.core.bundles.test_signatures import make_key
from tests.made_bundle import copy_bundle


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A small bundle."""
    return copy_bundle(tmp_path_factory.mktemp("made"))


@pytest.fixture
def bundle(made: Bundle, tmp_path: Path) -> Path:
    """A copy of it."""
    return shutil.copytree(made.folder, tmp_path / "bundle")


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    """A folder with two key pairs, ``mine`` and ``other``."""
    make_key(tmp_path / "keys", "mine", password=b"open sesame")
    make_key(tmp_path / "keys", "other")
    return tmp_path / "keys"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[StoreSettings]:
    """A store."""
    with (
        lease(tmp_path / "lease") as held,
        (tmp_path / "log").open("wb") as log,
        local_store(tmp_path / "store", lease_path=held, log=log) as settings,
    ):
        yield settings


@pytest.mark.parametrize("command", ["verify", "sign", "card"])
def test_help_has_examples(command: str) -> None:
    """Each command shows how it is used."""
    shown = headrace(command, "--help")
    assert shown.returncode == 0
    assert f"headrace {command}" in shown.stdout.split("Examples:")[1]


def test_an_intact_bundle_is_told_as_such(bundle: Path, made: Bundle) -> None:
    """With its digest, and what to do next; nothing is written."""
    before = sorted(bundle.rglob("*"))
    ended = headrace("verify", str(bundle))
    assert ended.returncode == 0, ended.stderr
    assert f"customers {made.digest}: {len(made.manifest.files)} files, each matches the manifest." in ended.stdout
    assert ended.stdout.splitlines()[-1] == f"Next: headrace serve {bundle}"
    assert sorted(bundle.rglob("*")) == before


def test_what_is_wrong_is_told_file_by_file(bundle: Path) -> None:
    """Changed, missing, extra and linked files, one a line, and exit code 2."""
    (bundle / "model.json").write_text("{}")
    (bundle / "card.md").unlink()
    (bundle / "run.py").write_text("import os")
    (bundle / "link").symlink_to("/etc/passwd")
    ended = headrace("verify", str(bundle))
    assert ended.returncode == 2
    rows = [row.split(maxsplit=2) for row in ended.stdout.splitlines()]
    assert [row[:2] for row in rows] == [
        ["missing", "card.md"],
        ["no", "file"],
        ["changed", "model.json"],
        ["extra", "run.py"],
    ]
    assert ended.stderr.count("\n") == 1
    assert "4 files are different: fetch it again" in ended.stderr


def test_a_manifest_that_cannot_be_used_is_told(bundle: Path) -> None:
    """One that lists a path outside, or is from the future, ends in a sentence."""
    text = (bundle / "manifest.json").read_text()
    for old, new, says in (
        ('"path": "card.md"', '"path": "../card.md"', "plain relative paths"),
        ('"format": 2', '"format": 3', "update Headrace"),
        ('"format": 2', '"format": 1', "package the model again"),
        (text, "{", "must be JSON"),
    ):
        (bundle / "manifest.json").write_text(text.replace(old, new))
        ended = headrace("verify", str(bundle))
        assert ended.returncode == 2
        assert says in ended.stderr
        assert ended.stderr.count("\n") == 1


def test_a_bundle_is_signed_and_verified(bundle: Path, keys: Path) -> None:
    """By the owner of a locked key; another key does not verify it; neither password nor key is shown."""
    password = {"HEADRACE_SIGNING_PASSWORD": "open sesame"}
    signed = headrace("sign", str(bundle), "--private-key", str(keys / "mine.pem"), **password)
    assert signed.returncode == 0, signed.stderr
    assert "open sesame" not in signed.stdout + signed.stderr
    verified = headrace("verify", str(bundle), "--public-key", str(keys / "mine.pub"))
    assert verified.returncode == 0, verified.stderr
    assert "signed by the key" in verified.stdout
    refused = headrace("verify", str(bundle), "--public-key", str(keys / "other.pub"))
    assert refused.returncode == 2
    assert "made with another key" in refused.stderr
    locked = headrace("sign", str(bundle), "--private-key", str(keys / "mine.pem"))
    assert locked.returncode == 2
    assert "HEADRACE_SIGNING_PASSWORD" in locked.stderr
    neither = headrace("sign", str(bundle))
    assert neither.returncode == 2
    assert "--private-key FILE or --keyless" in neither.stderr


def test_an_altered_bundle_is_not_signed(bundle: Path, keys: Path) -> None:
    """Nobody vouches for what is not what its manifest says."""
    (bundle / "model.json").write_text("{}")
    ended = headrace("sign", str(bundle), "--private-key", str(keys / "other.pem"))
    assert ended.returncode == 2
    assert "model.json is changed" in ended.stderr
    assert not (bundle / "signatures").exists()


def test_a_published_bundle_is_signed_and_verified(made: Bundle, keys: Path, store: StoreSettings) -> None:
    """By its address; what was altered in the store is told file by file."""
    client = connect(store)
    uri = publish(made.folder, client)
    key = ("--public-key", str(keys / "other.pub"))
    unsigned = headrace("verify", uri, *key, **store.environment())
    assert unsigned.returncode == 2
    assert "it is not signed" in unsigned.stderr
    signed = headrace("sign", uri, "--private-key", str(keys / "other.pem"), **store.environment())
    assert signed.returncode == 0, signed.stderr
    assert signed.stdout.startswith(f"Signed: {uri}signatures/")
    verified = headrace("verify", uri, *key, **store.environment())
    assert verified.returncode == 0, verified.stderr
    client.put_bytes(f"{uri.removeprefix(f's3://{store.bucket}/')}card.md", b"# other")
    changed = headrace("verify", uri, **store.environment())
    assert changed.returncode == 2
    assert changed.stdout.startswith("changed  card.md")


def test_questions_are_written_answered_and_kept(bundle: Path, made: Bundle, tmp_path: Path) -> None:
    """The way of a person: write the questions, answer some, make the bundle anew, see what is still missing."""
    questions, new = tmp_path / "card.yaml", tmp_path / "new"
    asked = headrace("card", str(bundle), "-o", str(questions))
    assert asked.returncode == 0, asked.stderr
    assert f"{len(card_answers.QUESTIONS)} of {len(card_answers.QUESTIONS)} questions are unanswered" in asked.stdout
    questions.write_text(questions.read_text().replace('owner: ""', 'owner: "The churn team"'))
    answered = headrace("card", str(bundle), "--answers", str(questions), "-o", str(new))
    assert answered.returncode == 0, answered.stderr
    assert f"{len(card_answers.QUESTIONS) - 1} questions are still unanswered" in answered.stdout
    found = open_bundle(new)
    assert found.digest != made.digest
    assert "| Owner | The churn team |" in (new / "card.md").read_text()
    again = headrace("card", str(new), "-o", str(questions))
    assert again.returncode == 2
    assert "must not exist yet" in again.stderr


def test_a_run_takes_answers_and_copies(tmp_path: Path) -> None:
    """Both options reach the bundle; a card file that cannot be read ends the run before it begins."""
    table, answers = write_table(tmp_path / "customers.csv"), tmp_path / "card.yaml"
    answers.write_text("data_licence: CC-BY-4.0\ndata_origin: made up for a test\n")
    home = tmp_path / "out"
    given = ("run", str(table), "--target", "churn", "--budget", "1", "--families", "logistic", "--output", str(home))
    ended = headrace(*given, "--card", str(answers), "--include-data", "--slice", "plan")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    bundle = open_bundle(home / "bundle")
    told = bundle.json("provenance.json")
    assert (told["table"]["licence"], told["table"]["origin"]) == ("CC-BY-4.0", "made up for a test")
    assert told["data"]["train"]["copy"] == "data/train/"
    assert told["parameters"]["split"]["test_size"] == 0.2
    assert (home / "bundle" / "data" / "train" / "part-00000.parquet").is_file()
    assert "CC-BY-4.0" in (home / "bundle" / "sbom.cdx.json").read_text()
    answers.write_text("licens: oops")
    refused = headrace(*given, "--card", str(answers))
    assert refused.returncode == 2
    assert "got 'licens' instead" in refused.stderr
    assert "ingest" not in refused.stdout
