"""Starts runs of DAGs over Airflow's REST API, and makes sure that they begin. Nothing here imports Airflow.

Airflow takes requests of which nothing follows: a run of a paused DAG stays queued, an event of an asset whose DAGs are
paused starts no run later either. Each is an error here.
"""

import json
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

_TIMEOUT_SECONDS = 30.0
_EVERY_SECONDS = 1.0
_ANSWER_BYTES = 16 << 20


class AirflowApiError(Exception):
    """Why something was not started; one sentence."""


@dataclass
class AirflowApi:
    """Airflow's API server.

    Attributes:
        url: Its address, such as ``https://airflow.example.com``.
        user: Name of the user; empty with a token.
        password: Password of the user.
        token: A JWT, in place of user and password.
        ca_file: File of the authority of its certificate; empty for the system's.
    """

    url: str
    user: str = ""
    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    ca_file: str = ""

    def trigger(
        self, dag_id: str, *, conf: Mapping[str, Any], logical_date: str | None = None, seconds: float = 60.0
    ) -> str:
        """Start a run of a DAG, and return its id once it has begun.

        Args:
            dag_id: The DAG.
            conf: Its configuration: addresses and other small values.
            logical_date: The date that the run stands for, which no other run of the DAG has; None for none.
            seconds: How long the run may stay queued.

        Raises:
            AirflowApiError: If there is no such DAG, it is paused or has a run of this date, or the run does not begin.
        """
        self._require_active(dag_id)
        path = f"/dags/{quote(dag_id, safe='')}/dagRuns"
        # The date must be there, also where there is no date: null.
        run = self._call("POST", path, {"logical_date": logical_date, "conf": dict(conf)})
        run_id = str(run["dag_run_id"])
        deadline = time.monotonic() + seconds
        while self._call("GET", f"{path}/{quote(run_id, safe='')}")["state"] == "queued":
            if time.monotonic() > deadline:
                raise AirflowApiError(
                    f"the run {run_id} of {dag_id} was not begun within {seconds:.0f} s and stays queued: is Airflow's "
                    "scheduler up, and does the DAG's max_active_runs allow it?"
                )
            time.sleep(_EVERY_SECONDS)
        return run_id

    def send_event(self, asset: str, *, extra: Mapping[str, Any], seconds: float = 60.0) -> list[str]:
        """Create an event of an asset, and return the runs that handle it, as ``DAG/RUN``, once they have begun.

        Args:
            asset: Name or URI of the asset.
            extra: What the event bears: addresses and other small values.
            seconds: How long the runs may take to begin; 0 to return at once, where DAGs wait for other assets too.

        Raises:
            AirflowApiError: If there is no such asset, no DAG waits for it, one that does is paused, or does not begin.
        """
        found = self._asset(asset)
        waiting = sorted(dag["dag_id"] for dag in found["scheduled_dags"])
        if not waiting:
            raise AirflowApiError(f"no DAG of {self.url} is scheduled by the asset {asset}: an event starts nothing.")
        for dag_id in waiting:
            self._require_active(dag_id)
        event = self._call("POST", "/assets/events", {"asset_id": found["id"], "extra": dict(extra)})
        deadline = time.monotonic() + seconds
        while seconds:
            runs = {dag_id: self._run_since(dag_id, event["timestamp"]) for dag_id in waiting}
            if all(runs.values()):
                return [f"{dag_id}/{run_id}" for dag_id, run_id in runs.items()]
            if time.monotonic() > deadline:
                late = ", ".join(dag_id for dag_id, run_id in runs.items() if not run_id)
                raise AirflowApiError(
                    f"the event {event['id']} of {asset} was taken, and no run of {late} has begun within "
                    f"{seconds:.0f} s: is Airflow's scheduler up, and does the DAG wait for this asset alone?"
                )
            time.sleep(_EVERY_SECONDS)
        return []

    def _run_since(self, dag_id: str, moment: str) -> str:
        """Return the first run by an asset that began after a moment; empty if there is none.

        What Airflow lists as the runs of an event lacks those that take it with others, and fails while one is queued.
        """
        query = urlencode(
            {"run_type": "asset_triggered", "start_date_gte": moment, "order_by": "start_date", "limit": 1}
        )
        runs = self._call("GET", f"/dags/{quote(dag_id, safe='')}/dagRuns?{query}")["dag_runs"]
        return next((str(run["dag_run_id"]) for run in runs if run["start_date"]), "")

    def _asset(self, asset: str) -> dict[str, Any]:
        for pattern in ("uri_pattern", "name_pattern"):
            query = urlencode({pattern: asset, "limit": 100})
            for found in self._call("GET", f"/assets?{query}")["assets"]:
                if asset in {found["uri"], found["name"]}:
                    return dict(found)
        raise AirflowApiError(f"{self.url} must have the asset {asset}; no DAG there names it: was one deleted?")

    def _require_active(self, dag_id: str) -> None:
        try:
            dag = self._call("GET", f"/dags/{quote(dag_id, safe='')}")
        except _AbsentError as error:
            raise AirflowApiError(
                f"{self.url} must have the DAG {dag_id}; it has none of that name: was it deleted, is its file unread?"
            ) from error
        if dag.get("is_stale"):
            raise AirflowApiError(f"the file of the DAG {dag_id} is gone from {self.url}: no run of it would begin.")
        if dag["is_paused"]:
            raise AirflowApiError(
                f"the DAG {dag_id} of {self.url} is paused: no run of it would begin; unpause it first."
            )

    def _call(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        if not self.token:
            login = {"username": self.user, "password": self.password}
            self.token = str(self._send("POST", "/auth/token", login)["access_token"])
        return self._send(method, f"/api/v2{path}", body)

    def _send(self, method: str, path: str, body: Any) -> dict[str, Any]:
        if not self.url.startswith(("http://", "https://")):
            raise AirflowApiError(f"Airflow's address must be a URL such as http://127.0.0.1:8080; got {self.url!r}.")
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        data = None if body is None else json.dumps(body).encode()
        address = f"{self.url.rstrip('/')}{path}"
        request = urllib.request.Request(address, data=data, method=method, headers=headers)  # noqa: S310 - see above
        context = ssl.create_default_context(cafile=self.ca_file or None) if self.url.startswith("https") else None
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS, context=context) as answer:  # noqa: S310
                document = json.loads(answer.read(_ANSWER_BYTES))
        except urllib.error.HTTPError as error:
            with error:
                raise self._refusal(error, method, path) from error
        except (OSError, ValueError) as error:
            reason = getattr(error, "reason", error)
            raise AirflowApiError(f"Airflow must answer at {self.url}; it does not: {reason}.") from error
        if not isinstance(document, dict):
            raise AirflowApiError(
                f"Airflow must answer {method} {path} with an object; is another program at {self.url}?"
            )
        return document

    def _refusal(self, error: urllib.error.HTTPError, method: str, path: str) -> AirflowApiError:
        try:
            detail = json.loads(error.read(_ANSWER_BYTES))["detail"]
        except (ValueError, KeyError, TypeError, OSError):
            detail = error.reason
        said = " ".join(str(detail if isinstance(detail, str) else json.dumps(detail)).split())[:300]
        if error.code in {401, 403}:
            who = f"the user {self.user}" if self.user else "the token"
            return AirflowApiError(f"{self.url} refuses {who} ({error.code}): {said}")
        if error.code == 404:
            return _AbsentError(f"{self.url} has no {path}: {said}")
        return AirflowApiError(f"{self.url} answers {method} {path} with {error.code}: {said}")


class _AbsentError(AirflowApiError):
    """What was asked for does not exist."""
