"""The suite as a Python library: what notebooks, Airflow and tests call.

::

    import headrace.api as hr

    run = hr.run("heart.csv", target="target")     # metrics, verdict, findings, bundle, report
    hr.score(run, "new.csv").frame                 # predictions for a whole table
    with hr.serve(run) as endpoint:                # an endpoint on this machine, for the length of the block
        endpoint.predict([{"age": 54, "sex": "f"}])

Each function does what the command of its name does, with the same defaults. A mistake of the caller raises a
``UserError``, every other failure that Headrace expects another ``HeadraceError``; nothing ends the process.

This module imports a function's libraries when the function is first used, so importing it costs next to nothing.
Imported in a notebook, it registers how results are shown there.
"""

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

from headrace.core.base.errors import (
    BundleError,
    ClusterError,
    DataError,
    HeadraceError,
    InputError,
    InternalError,
    MissingError,
    StoreError,
    UserError,
)

if TYPE_CHECKING:
    from headrace.api.conversion.exporting import export
    from headrace.api.conversion.migrating import import_model, migrate
    from headrace.api.deployment import deploy, undeploy
    from headrace.api.forecasts.predict import Forecasts, forecast
    from headrace.api.forecasts.train import ForecastRun, open_forecast, train_forecast
    from headrace.api.model_reference import open_bundle
    from headrace.api.monitoring.ab_tests import analyze_ab_test, assign_versions, plan_ab_test
    from headrace.api.monitoring.collecting import collect
    from headrace.api.monitoring.labelling import add_labels
    from headrace.api.monitoring.monitor import monitor, write_monitor_page
    from headrace.api.monitoring.pulling_out import make_baseline, pull_out
    from headrace.api.monitoring.retraining import Retraining, RolloutPlace, retrain
    from headrace.api.notebook.find_run import find_run
    from headrace.api.projects import create_project
    from headrace.api.run_result import Run, open_run
    from headrace.api.scoring import Predictions, score
    from headrace.api.serving import ModelEndpoint, serve
    from headrace.api.streaming import stream
    from headrace.api.streams.ksql import ksql_query
    from headrace.api.streams.spark_scoring import spark_scorer, spark_topic_scorer
    from headrace.api.streams.tail import tail
    from headrace.api.streams.watch import watch
    from headrace.api.training import run, tune
    from headrace.core.bundles.bundle import Bundle
    from headrace.project_template.create_project import Project

__all__ = [
    "Bundle",
    "BundleError",
    "ClusterError",
    "DataError",
    "ForecastRun",
    "Forecasts",
    "HeadraceError",
    "InputError",
    "InternalError",
    "MissingError",
    "ModelEndpoint",
    "Predictions",
    "Project",
    "Retraining",
    "RolloutPlace",
    "Run",
    "StoreError",
    "UserError",
    "add_labels",
    "analyze_ab_test",
    "assign_versions",
    "collect",
    "create_project",
    "deploy",
    "export",
    "find_run",
    "forecast",
    "import_model",
    "ksql_query",
    "make_baseline",
    "migrate",
    "monitor",
    "open_bundle",
    "open_forecast",
    "open_run",
    "plan_ab_test",
    "pull_out",
    "retrain",
    "run",
    "score",
    "serve",
    "spark_scorer",
    "spark_topic_scorer",
    "stream",
    "tail",
    "train_forecast",
    "tune",
    "undeploy",
    "watch",
    "write_monitor_page",
]

_MODULES = {
    "Bundle": "headrace.core.bundles.bundle",
    "ModelEndpoint": "headrace.api.serving",
    "Predictions": "headrace.api.scoring",
    "Project": "headrace.project_template.create_project",
    "Retraining": "headrace.api.monitoring.retraining",
    "RolloutPlace": "headrace.api.monitoring.retraining",
    "Run": "headrace.api.run_result",
    "add_labels": "headrace.api.monitoring.labelling",
    "analyze_ab_test": "headrace.api.monitoring.ab_tests",
    "assign_versions": "headrace.api.monitoring.ab_tests",
    "collect": "headrace.api.monitoring.collecting",
    "create_project": "headrace.api.projects",
    "deploy": "headrace.api.deployment",
    "make_baseline": "headrace.api.monitoring.pulling_out",
    "export": "headrace.api.conversion.exporting",
    "ForecastRun": "headrace.api.forecasts.train",
    "Forecasts": "headrace.api.forecasts.predict",
    "forecast": "headrace.api.forecasts.predict",
    "open_forecast": "headrace.api.forecasts.train",
    "train_forecast": "headrace.api.forecasts.train",
    "find_run": "headrace.api.notebook.find_run",
    "import_model": "headrace.api.conversion.migrating",
    "ksql_query": "headrace.api.streams.ksql",
    "migrate": "headrace.api.conversion.migrating",
    "monitor": "headrace.api.monitoring.monitor",
    "open_bundle": "headrace.api.model_reference",
    "open_run": "headrace.api.run_result",
    "plan_ab_test": "headrace.api.monitoring.ab_tests",
    "pull_out": "headrace.api.monitoring.pulling_out",
    "retrain": "headrace.api.monitoring.retraining",
    "run": "headrace.api.training",
    "score": "headrace.api.scoring",
    "serve": "headrace.api.serving",
    "spark_scorer": "headrace.api.streams.spark_scoring",
    "spark_topic_scorer": "headrace.api.streams.spark_scoring",
    "stream": "headrace.api.streaming",
    "tail": "headrace.api.streams.tail",
    "tune": "headrace.api.training",
    "undeploy": "headrace.api.deployment",
    "watch": "headrace.api.streams.watch",
    "write_monitor_page": "headrace.api.monitoring.monitor",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used (PEP 562)."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_MODULES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names, those that are not imported yet included."""
    return sorted({*globals(), *__all__})


if "IPython" in sys.modules:
    from headrace.api.notebook.result_views import register_views

    register_views()
