"""``headrace-airflow``: tells Airflow of something that happened here, from a script or after a command of Headrace.

It needs nothing of Airflow but its address: install the provider with ``pip install --no-deps`` where Airflow is not.
"""

import argparse
import os
import sys
from collections.abc import Sequence

from headrace_provider.airflow_api import AirflowApi, AirflowApiError

_EPILOG = """examples:
  headrace-airflow event headrace://labels/tips --pair address=s3://lake/labels/2026-11-29/
  headrace monitor run tips@production s3://monitoring --exit-code || headrace-airflow trigger headrace_retraining

The login comes from the environment alone: AIRFLOW_API_URL, and AIRFLOW_API_USER with AIRFLOW_API_PASSWORD, or
AIRFLOW_API_TOKEN; AIRFLOW_API_CA_FILE for a certificate of your own authority.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Create an event of an asset, or start a run of a DAG; return the exit code: 2 if nothing will follow of it."""
    parser = argparse.ArgumentParser(
        prog="headrace-airflow",
        description="Start runs of Airflow's DAGs, and make sure that they begin.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True)
    for name, what, text in (
        ("event", "ASSET", "create an event of an asset, by its name or URI"),
        ("trigger", "DAG", "start a run of a DAG"),
    ):
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument("what", metavar=what)
        command.add_argument(
            "--pair", action="append", default=[], metavar="NAME=VALUE", help="what it bears; repeatable"
        )
        command.add_argument(
            "--seconds", type=float, default=60.0, help="how long runs may take to begin (default: 60)"
        )
        if name == "trigger":
            command.add_argument("--logical-date", help="date that the run stands for, such as 2026-11-29T00:00:00Z")
    given = parser.parse_args(arguments)
    try:
        sys.stdout.write(_carry_out(given) + "\n")
    except AirflowApiError as error:
        sys.stderr.write(f"headrace-airflow: {error}\n")
        return 2
    return 0


def _carry_out(given: argparse.Namespace) -> str:
    pairs = dict(_pair(text) for text in given.pair)
    api = _api()
    if given.command == "event":
        runs = api.send_event(given.what, extra=pairs, seconds=given.seconds)
        return f"Runs that handle it: {', '.join(runs)}" if runs else "The event is taken."
    run = api.trigger(given.what, conf=pairs, logical_date=given.logical_date, seconds=given.seconds)
    return f"The run has begun: {run}"


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise AirflowApiError(f"--pair must be NAME=VALUE; got {text!r}.")
    return name, value


def _api() -> AirflowApi:
    login = {
        name: os.environ.get(f"AIRFLOW_API_{name.upper()}", "")
        for name in ("url", "user", "password", "token", "ca_file")
    }
    if not login["url"]:
        raise AirflowApiError(
            "AIRFLOW_API_URL must name Airflow's API server, such as http://127.0.0.1:8080; it is not set."
        )
    if not login["token"] and not (login["user"] and login["password"]):
        raise AirflowApiError("a login must be given: AIRFLOW_API_TOKEN, or AIRFLOW_API_USER and AIRFLOW_API_PASSWORD.")
    return AirflowApi(**login)


if __name__ == "__main__":
    sys.exit(main())
