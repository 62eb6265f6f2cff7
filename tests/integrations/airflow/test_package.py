"""The provider as a package: what it holds, what it imports, and its types."""

import ast
import subprocess
import sys
import tomllib

import pytest

from tests.real.airflow_parts import PROVIDER, REPOSITORY, environment

MODULES = sorted((PROVIDER / "headrace_provider").rglob("*.py"))
PROJECT = tomllib.loads((PROVIDER / "pyproject.toml").read_text())
# These work without Airflow; the scripts of people may import them anywhere.
WITHOUT_AIRFLOW = {"airflow_api", "asset_events", "kubeflow_run", "local_process", "notify", "program", "provider_info"}


def test_nothing_of_headrace_is_imported_into_airflow() -> None:
    """Headrace, KFP and KServe do not resolve together with Airflow; some modules need not even that."""
    for path in MODULES:
        nodes = list(ast.walk(ast.parse(path.read_text())))
        names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
        names += [str(node.module) for node in nodes if isinstance(node, ast.ImportFrom)]
        tops = {name.partition(".")[0] for name in names} - sys.stdlib_module_names
        allowed = {"headrace_provider"} if path.stem in WITHOUT_AIRFLOW else {"headrace_provider", "airflow"}
        assert tops <= allowed, path


def test_the_wheel_has_every_folder_and_the_version_of_headrace() -> None:
    """A folder that is not listed would be missing where it is installed; both are released together."""
    folders = {".".join(path.parent.relative_to(PROVIDER).parts) for path in MODULES}
    assert set(PROJECT["tool"]["setuptools"]["packages"]) == folders
    whole = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    assert PROJECT["project"]["version"] == whole["project"]["version"]
    assert all(len(path.read_text().splitlines()) <= 400 for path in MODULES)


@pytest.mark.airflow
@pytest.mark.exhaustive
def test_the_types_hold_inside_airflow() -> None:
    """Airflow is in another environment, so `make check` cannot do this."""
    python = str(environment() / "bin" / "python")
    command = [sys.executable, "-m", "mypy", "--strict", "--python-executable", python, "-p", "headrace_provider"]
    done = subprocess.run(command, cwd=PROVIDER, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
