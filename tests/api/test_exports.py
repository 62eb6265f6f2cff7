"""The public names of the library, and what it costs to import them."""

import inspect
import subprocess
import sys

import pytest

import headrace.api as hr
from headrace.core.base import errors

_NAMES = [
    "Bundle", "BundleError", "ClusterError", "DataError", "ForecastRun", "Forecasts", "HeadraceError", "InputError",
    "InternalError", "MissingError", "ModelEndpoint", "Predictions", "Project", "Retraining", "RolloutPlace", "Run",
    "StoreError", "UserError", "add_labels", "analyze_ab_test", "assign_versions", "collect", "create_project",
    "deploy", "export", "find_run", "forecast", "import_model", "ksql_query", "make_baseline", "migrate", "monitor",
    "open_bundle", "open_forecast", "open_run", "plan_ab_test", "pull_out", "retrain", "run", "score", "serve",
    "spark_scorer", "spark_topic_scorer", "stream", "tail", "train_forecast", "tune", "undeploy", "watch",
    "write_monitor_page",
]  # fmt: skip


def test_the_public_names_are_those_that_are_documented() -> None:
    """A new name is written here too, so that none becomes public by chance."""
    assert hr.__all__ == _NAMES
    assert set(_NAMES) <= set(dir(hr))


@pytest.mark.parametrize("name", _NAMES)
def test_a_public_name_is_there_and_documented(name: str) -> None:
    """Each is imported when it is used, and says what it is."""
    value = getattr(hr, name)
    assert value.__name__ == name
    assert inspect.getdoc(value)


def test_another_name_is_no_attribute() -> None:
    """As of any module, so that ``hasattr`` and misspelt imports behave as usual."""
    with pytest.raises(AttributeError, match="has no attribute 'train'"):
        hr.__getattr__("train")


def test_functions_raise_the_errors_that_they_name() -> None:
    """Each error that a docstring names is one of the suite's own, or Python's for a wrong keyword."""
    for name in (one for one in _NAMES if one[0].islower()):
        text = inspect.getdoc(getattr(hr, name)) or ""
        raised = text.partition("Raises:\n")[2]
        named = [line.strip().partition(":")[0] for line in raised.splitlines() if line.startswith("    ")]
        assert named, name
        assert all(issubclass(getattr(errors, one), hr.HeadraceError) for one in named if one.endswith("Error")), name


def test_importing_it_imports_nothing_that_is_slow() -> None:
    """A notebook or a scheduler that reads a module of ours pays for what it uses, when it uses it."""
    code = "import sys, headrace.api as hr; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    slow = {"sklearn", "polars", "kfp", "numpy", "scipy", "pydantic", "typer", "mlflow", "kubernetes", "sqlalchemy"}
    assert not slow & set(ended.stdout.split())
