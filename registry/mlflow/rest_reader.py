"""Reads journals on an MLflow server by its REST API (https://mlflow.org/docs/latest/rest-api.html, 2.0)."""

import base64
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import orjson
import urllib3

from headrace.core.base import settings
from headrace.core.base.errors import StoreError
from headrace.registry.backends.locations import RegistryLocation
from headrace.registry.mlflow.base import JOURNAL_TAG, JOURNALS, PREFIX, in_order

CONNECT_SECONDS = 5.0
READ_SECONDS = 30.0
_PAGE = 1_000
_STATUSES = {
    401: "requires a login: set HEADRACE_REGISTRY_USER and HEADRACE_REGISTRY_PASSWORD, or HEADRACE_REGISTRY_TOKEN",
    403: "refuses this user: ask for the right to read it",
    404: "is not an MLflow server: correct HEADRACE_REGISTRY",
    429: "is overloaded: try again later",
}


class RestJournalReader:
    """A ``JournalReader`` of a server."""

    def __init__(self, place: RegistryLocation) -> None:
        """Set the location; send nothing yet.

        Args:
            place: Location of the server.
        """
        self._place = place
        timeout = urllib3.Timeout(connect=CONNECT_SECONDS, read=READ_SECONDS)
        self._pool = urllib3.PoolManager(timeout=timeout, retries=urllib3.Retry(2, backoff_factor=0.2, redirect=0))

    def journals(self) -> dict[str, list[str]]:
        """Return all journals that are not empty, by name."""
        named = {}
        for experiment in self._pages("experiments/search", "experiments", {"filter": f"name LIKE '{PREFIX}%'"}):
            if journal := _tags(experiment).get(JOURNAL_TAG):
                named[journal] = str(experiment["name"])
        if not named:
            return {}
        anchor = self._experiment(JOURNALS)
        by_name = {}
        query = {"experiment_ids": [anchor.get("experiment_id", "")], "run_view_type": "ALL"}
        for run in self._pages("runs/search", "runs", query):
            name = named.get(str(run["info"]["run_id"]))
            if name and (texts := in_order(_parameters(run), name)):
                by_name[name] = texts
        return by_name

    def journal(self, name: str) -> list[str]:
        """Return the texts of one journal."""
        run = _tags(self._experiment(name)).get(JOURNAL_TAG)
        if not run:
            return []
        return in_order(_parameters(self._ask("GET", f"runs/get?{urlencode({'run_id': run})}")["run"]), name)

    def _experiment(self, name: str) -> dict[str, Any]:
        """Return the experiment of that name; empty if there is none."""
        path = f"experiments/get-by-name?{urlencode({'experiment_name': name})}"
        experiment = self._ask("GET", path, absent={"experiment": {}})["experiment"]
        return dict(experiment) if experiment.get("lifecycle_stage", "active") == "active" else {}

    def _pages(self, path: str, key: str, query: dict[str, Any]) -> Iterator[dict[str, Any]]:
        token = ""
        while True:
            page = self._ask("POST", path, {**query, "max_results": _PAGE, **({"page_token": token} if token else {})})
            yield from page.get(key, [])
            token = page.get("next_page_token", "")
            if not token:
                return

    def _ask(self, method: str, path: str, body: Any = None, *, absent: Any = None) -> dict[str, Any]:
        try:
            answer = self._pool.request(
                method,
                f"{self._place.url}/api/2.0/mlflow/{path}",
                body=None if body is None else json.dumps(body),
                headers=_headers(),
            )
            if answer.status == 404 and absent is not None and b"RESOURCE_DOES_NOT_EXIST" in answer.data:
                return dict(absent)
            if answer.status != 200:
                sentence = _STATUSES.get(answer.status, f"answers {answer.status}: look at its log, then try again")
                raise StoreError(f"the registry {self._place} {sentence}.")
            return dict(orjson.loads(answer.data))
        except urllib3.exceptions.HTTPError as error:
            raise StoreError(
                f"the registry {self._place} is not reachable: start it, or correct HEADRACE_REGISTRY."
            ) from error
        except ValueError as error:
            raise StoreError(f"the registry {self._place} {_STATUSES[404]}.") from error


def _headers() -> dict[str, str]:
    login = settings.registry_login()
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    if login.token:
        headers["Authorization"] = f"Bearer {login.token}"
    elif login.user:
        credentials = base64.b64encode(f"{login.user}:{login.password}".encode()).decode()
        headers["Authorization"] = f"Basic {credentials}"
    return headers


def _tags(document: dict[str, Any]) -> dict[str, str]:
    return {tag["key"]: tag.get("value", "") for tag in document.get("tags", [])}


def _parameters(run: dict[str, Any]) -> dict[str, str]:
    return {parameter["key"]: parameter.get("value", "") for parameter in run.get("data", {}).get("params", [])}
