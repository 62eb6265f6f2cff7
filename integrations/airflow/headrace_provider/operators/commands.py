"""Operators that run a command of Headrace on the worker."""

import json
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from airflow.sdk.exceptions import AirflowException, AirflowSkipException

from headrace_provider.operators.base import HeadraceBaseOperator
from headrace_provider.program import options

_SUMMARY = "summary.json"


class HeadraceCommandOperator(HeadraceBaseOperator):
    """Runs any command of Headrace, such as ``collect``, ``labels`` or ``catalog add``.

    Args:
        arguments: The command and its arguments, without ``headrace``.
        results: Addresses that it writes to, by name: what the task returns.
        kwargs: Those of every operator of Headrace.
    """

    template_fields = (*HeadraceBaseOperator.template_fields, "arguments", "results")

    def __init__(self, *, arguments: Sequence[str], results: Mapping[str, str] | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.arguments = arguments
        self.results = results or {}

    def command(self, folder: Path) -> list[str]:  # noqa: ARG002 - those of others need it
        """Return the arguments."""
        return [str(argument) for argument in self.arguments]

    def addresses(self, folder: Path) -> dict[str, str]:  # noqa: ARG002
        """Return the named addresses."""
        return dict(self.results)


class HeadraceRunOperator(HeadraceBaseOperator):
    """Takes a table through every step to a model that is published: ``headrace run``.

    Args:
        table: Path, folder, glob, URL or SQL address.
        target: Column to predict.
        output_path: The run's folder.
        options: Other options by name, such as ``{"budget": "2m", "drop_column": ["name"]}``.
        kwargs: Those of every operator of Headrace.
    """

    template_fields = (*HeadraceBaseOperator.template_fields, "table", "target", "output_path", "options")

    def __init__(
        self, *, table: str, target: str, output_path: str, options: Mapping[str, Any] | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.table, self.target, self.output_path = table, target, output_path
        self.options = options or {}

    def command(self, folder: Path) -> list[str]:  # noqa: ARG002
        """Return ``run`` with its arguments."""
        fixed = [self.table, "--target", self.target, "--output", self.output_path]
        return ["run", *fixed, *options(self.options)]

    def addresses(self, folder: Path) -> dict[str, str]:  # noqa: ARG002
        """Return the folders and files of the run."""
        home = Path(self.output_path)
        return {
            "output": str(home),
            "bundle": str(home / "bundle"),
            "summary": str(home / _SUMMARY),
            "report": str(home / "report.html"),
        }


class HeadraceScoreOperator(HeadraceBaseOperator):
    """Predicts every row of a table: ``headrace score``.

    Args:
        model: Folder of a run or a bundle, store URI, or NAME@VERSION.
        table: Path, folder, glob, URL or SQL address.
        output_path: A folder, or a file ``.parquet`` or ``.csv``.
        options: Other options by name.
        kwargs: Those of every operator of Headrace.
    """

    template_fields = (*HeadraceBaseOperator.template_fields, "model", "table", "output_path", "options")

    def __init__(
        self, *, model: str, table: str, output_path: str, options: Mapping[str, Any] | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.model, self.table, self.output_path = model, table, output_path
        self.options = options or {}

    def command(self, folder: Path) -> list[str]:  # noqa: ARG002
        """Return ``score`` with its arguments."""
        return ["score", self.model, self.table, "--output", self.output_path, *options(self.options)]

    def addresses(self, folder: Path) -> dict[str, str]:  # noqa: ARG002
        """Return where the predictions lie."""
        return {"output": self.output_path}


class HeadraceMonitorOperator(HeadraceBaseOperator):
    """Reports about the latest window of a model in use, and decides: ``headrace monitor run``.

    Args:
        model: Folder of a run or a bundle, store URI, or NAME@VERSION.
        store: Monitoring store: a folder, or ``s3://BUCKET/PREFIX``.
        page: HTML page to write; None for none.
        continue_on: Decisions on which what depends on the task goes on, such as ``{"retrain"}``; with another one the
            task is skipped. Empty: it is never skipped.
        options: Other options by name, such as ``{"policy": "monitoring.yaml"}``.
        kwargs: Those of every operator of Headrace.
    """

    template_fields = (*HeadraceBaseOperator.template_fields, "model", "store", "page", "options")
    outcomes: ClassVar[frozenset[str]] = frozenset({"nothing", "warn", "retrain", "roll_back", "stop"})

    def __init__(
        self,
        *,
        model: str,
        store: str,
        page: str | None = None,
        continue_on: Collection[str] = (),
        options: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        unknown = sorted(set(continue_on) - self.outcomes)
        if unknown:
            raise ValueError(
                f"continue_on must name decisions ({', '.join(sorted(self.outcomes))}); got {unknown[0]!r}."
            )
        self.model, self.store, self.page = model, store, page
        self.continue_on = frozenset(continue_on)
        self.options = options or {}

    def command(self, folder: Path) -> list[str]:
        """Return ``monitor run`` with its arguments."""
        page = ["--page", self.page] if self.page else []
        summary = ["--summary", str(folder / _SUMMARY)]
        return ["monitor", "run", self.model, self.store, *page, *summary, *options(self.options)]

    def addresses(self, folder: Path) -> dict[str, str]:
        """Return where the report and its page lie."""
        page = {"page": self.page} if self.page else {}
        return {"store": self.store, "summary": str(folder / _SUMMARY), **page}

    def conclude(self, folder: Path) -> None:
        """Skip the task if another decision was made than those to go on with."""
        if not self.continue_on:
            return
        try:
            decided = json.loads((folder / _SUMMARY).read_text())["decision"]["outcome"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise AirflowException(
                f"headrace monitor must leave its decision in {folder / _SUMMARY}: {error!r}"
            ) from error
        if decided not in self.continue_on:
            raise AirflowSkipException(
                f"decided: {decided}; the next tasks are for {', '.join(sorted(self.continue_on))}."
            )


class HeadraceRetrainOperator(HeadraceBaseOperator):
    """Retrains a model on old and new rows, and lets the better one take over: ``headrace retrain``.

    The task is skipped where the former version stays, or where the rows are not fit for training.

    Args:
        model: Folder of a run or a bundle, store URI, or NAME@VERSION.
        store: Monitoring store.
        output_path: The run's folder.
        rollout: Whether a better version takes over step by step; else it is published, for a person to approve of.
        options: Other options by name, such as ``{"new": "labelled.parquet", "old": "trips.csv"}``.
        kwargs: Those of every operator of Headrace.
    """

    template_fields = (*HeadraceBaseOperator.template_fields, "model", "store", "output_path", "options")
    skip_exit_codes: ClassVar[Mapping[int, str]] = {
        3: "the former version stays: the new one is not better.",
        4: "the rows are not fit for training, and nothing was trained.",
    }

    def __init__(
        self,
        *,
        model: str,
        store: str,
        output_path: str,
        rollout: bool = False,
        options: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.model, self.store, self.output_path, self.rollout = model, store, output_path, rollout
        self.options = options or {}

    def command(self, folder: Path) -> list[str]:  # noqa: ARG002
        """Return ``retrain`` with its arguments."""
        fixed = [self.model, self.store, "--output", self.output_path, "--rollout" if self.rollout else "--no-rollout"]
        return ["retrain", *fixed, *options(self.options)]

    def addresses(self, folder: Path) -> dict[str, str]:  # noqa: ARG002
        """Return the folders and files of the run."""
        home = Path(self.output_path)
        return {"output": str(home), "summary": str(home / _SUMMARY), "report": str(home / "report.html")}


class HeadraceApproveOperator(HeadraceBaseOperator):
    """Records in the registry that a person approves of a version: ``headrace approve``.

    Args:
        model: Name of the model.
        version: Version, version number, stage, ``latest``, or digest.
        reason: Reason, for the history.
        by: Name of the person.
        kwargs: Those of every operator of Headrace.
    """

    template_fields = (*HeadraceBaseOperator.template_fields, "model", "version", "reason", "by")

    def __init__(self, *, model: str, version: str, reason: str, by: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.model, self.version, self.reason, self.by = model, version, reason, by

    def command(self, folder: Path) -> list[str]:  # noqa: ARG002
        """Return ``approve`` with its arguments."""
        return ["approve", f"--reason={self.reason}", f"--by={self.by}", "--", self.model, self.version]

    def addresses(self, folder: Path) -> dict[str, str]:  # noqa: ARG002
        """Return the address of the version."""
        return {"model": f"{self.model}@{self.version}"}


class HeadraceDeployOperator(HeadraceBaseOperator):
    """Serves a model on KServe, and restores the version before it if it does not become ready: ``headrace deploy``.

    Args:
        model: Store URI, NAME@VERSION, or folder of a run or a bundle.
        endpoint: Name of the endpoint.
        namespace: Kubernetes namespace; None for that of the worker's kubeconfig.
        options: Other options by name, such as ``{"min_replicas": 2}``.
        kwargs: Those of every operator of Headrace.
    """

    template_fields = (*HeadraceBaseOperator.template_fields, "model", "endpoint", "namespace", "options")

    def __init__(
        self,
        *,
        model: str,
        endpoint: str,
        namespace: str | None = None,
        options: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.model, self.endpoint, self.namespace = model, endpoint, namespace
        self.options = options or {}

    def command(self, folder: Path) -> list[str]:  # noqa: ARG002
        """Return ``deploy`` with its arguments."""
        namespace = ["--namespace", self.namespace] if self.namespace else []
        return ["deploy", self.model, "--name", self.endpoint, *namespace, *options(self.options)]

    def addresses(self, folder: Path) -> dict[str, str]:  # noqa: ARG002
        """Return the model, and the endpoint that serves it."""
        return {"model": self.model, "endpoint": self.endpoint}
