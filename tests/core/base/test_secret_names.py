"""Names of Secrets and of what is in them stand in one place; what needs an object store says so in one way."""

import ast
import subprocess
from pathlib import Path

import pytest

from headrace.core.base import secret_names
from headrace.core.base.errors import InputError
from headrace.core.base.remedies import require_store
from headrace.core.base.settings import StoreSettings

SECRETS = (secret_names.STORE_SECRET, secret_names.RECORDS_SECRET, secret_names.DATABASE_SECRET)


def _git(*words: str, folder: Path) -> list[str]:
    return subprocess.run(["git", *words], cwd=folder, capture_output=True, text=True, check=True).stdout.splitlines()


REPOSITORY = Path(_git("rev-parse", "--show-toplevel", folder=Path(__file__).parent)[0])


def _texts(path: Path) -> set[str]:
    nodes = ast.walk(ast.parse(path.read_text()))
    return {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}


def test_each_secret_is_named_in_one_module() -> None:
    """Another module that writes the name of a Secret out would not follow when it changes."""
    listed = _git("ls-files", "*.py", folder=REPOSITORY)
    paths = [REPOSITORY / name for name in listed if not name.startswith("tests/") and (REPOSITORY / name).is_file()]
    naming = [path for path in paths if _texts(path).intersection(SECRETS)]
    assert naming == [Path(secret_names.__file__).resolve()]


def test_the_manifests_use_the_same_names() -> None:
    """Each Secret that the suite reads is named in a manifest of the repository, or in a comment of one."""
    manifests = "\n".join(path.read_text() for path in (REPOSITORY / "kustomize").rglob("*.yaml"))
    assert [name for name in SECRETS if name not in manifests] == []


def test_the_settings_give_a_value_for_each_variable_of_the_store() -> None:
    """What the store's Secret is made of is what the steps read of it."""
    found = StoreSettings(endpoint="http://x:9000", access_key="a", secret_key="s")
    assert tuple(found.environment()) == secret_names.STORE_VARIABLES


def test_what_needs_a_store_says_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an endpoint the error names the purpose and the three variables."""
    monkeypatch.delenv("HEADRACE_S3_ENDPOINT", raising=False)
    with pytest.raises(InputError) as caught:
        require_store("reading needs an object store")
    assert str(caught.value) == (
        "reading needs an object store: set HEADRACE_S3_ENDPOINT, HEADRACE_S3_ACCESS_KEY and HEADRACE_S3_SECRET_KEY."
    )


def test_the_store_that_is_set_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """With an endpoint and keys there is nothing to refuse."""
    for name, value in zip(secret_names.STORE_VARIABLES, ("http://x:9000/", "a", "s"), strict=False):
        monkeypatch.setenv(name, value)
    assert require_store("reading needs an object store").endpoint == "http://x:9000"
