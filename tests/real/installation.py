"""Installs the real parts that tests need and that take minutes, two at a time: ``python -m tests.real.installation``.

What cannot be installed is said here, and by the test that needs it.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.jvm import java_parts
from tests.real import (
    airflow_parts,
    h2o_mojos,
    h2o_parts,
    mlflow_models,
    mlflow_server,
    mlserver_parts,
    peers,
    spark_parts,
)


def _prepare_h2o() -> None:
    h2o_parts.h2o()
    java_parts.library()
    h2o_mojos.folder()


_PARTS: dict[str, Callable[[], object]] = {
    "Airflow": airflow_parts.environment,
    "MLServer": mlserver_parts.suite,
    "MLflow": mlflow_server.environment,
    "models of MLflow": mlflow_models.environment,
    "H2O": _prepare_h2o,
    "Spark": spark_parts.spark,
    "Jupyter": lambda: peers.environment("jupyter"),
    "KServe's storage code": lambda: peers.environment("kserve_storage"),
}


def _install(name: str) -> str:
    try:
        _PARTS[name]()
    except (pytest.fail.Exception, pytest.skip.Exception) as error:
        return f"{name} could not be installed: {error}"
    return f"{name} is installed"


if __name__ == "__main__":
    with ThreadPoolExecutor(max_workers=2) as pool:
        for sentence in pool.map(_install, _PARTS):
            print(sentence, flush=True)  # noqa: T201 - a program
