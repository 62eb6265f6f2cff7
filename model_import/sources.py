"""Where models of MLflow lie: folders, buckets, and the runs and registered models of a server or a local store."""

import contextlib
import logging
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from headrace.core.base import settings
from headrace.core.base.errors import InputError, MissingError, StoreError, quote
from headrace.core.packaging.provenance import public_name
from headrace.model_import.model_folder import DESCRIPTION, MOST_BYTES
from headrace.registry.backends.errors import mlflow_errors
from headrace.registry.backends.locations import RegistryLocation, registry_location
from headrace.stores.objects.open_objects import open_objects

_RUN = re.compile(r"runs:/+(?P<run>[A-Za-z0-9_-]{1,64})/(?P<path>.+)")
_REGISTERED = re.compile(r"models:/+(?P<name>[^/@]+)(?:/(?P<version>[^/@]+)|@(?P<alias>[^/@]+))")
_LOGGED = re.compile(r"models:/+(?P<model>m-[0-9a-f]{32})")
_COMMIT = "mlflow.source.git.commit"
_MOST_FILES = 2_000
_LOUD = ("mlflow", "alembic")


@dataclass(frozen=True)
class ModelOrigin:
    """Where the folder of a model comes from.

    Attributes:
        address: The address that was given.
        registered: Name and version in the registry; empty if it was not read from there.
        run: Identifier of its run, if the address names it.
        commit: Commit of the code that made it, as its run says.
        name: Name of the model there; empty for the folder's.
    """

    address: str
    registered: str = ""
    run: str = ""
    commit: str = ""
    name: str = ""

    @property
    def public_address(self) -> str:
        """The address without what is private; of a path, its last part."""
        return self.address if self.address.startswith(("runs:", "models:")) else public_name(self.address)


@contextlib.contextmanager
def open_model(address: str, *, registry: str = "") -> Iterator[tuple[Path, ModelOrigin]]:
    """Give the folder of a model for the length of the block.

    Args:
        address: A folder, ``runs:/ID/PATH``, ``models:/NAME/VERSION``, ``models:/NAME@ALIAS``, ``models:/m-ID`` or
            ``s3://BUCKET/PREFIX``.
        registry: Where runs and registered models are: a server, a SQLite file, or a folder ``mlruns``; empty for
            ``HEADRACE_REGISTRY``, or else ``headrace-out/registry.db``.

    Raises:
        MissingError: If there is no such model.
        InputError: If the address has another form.
        StoreError: If the server or the store is down or refuses the login.
    """
    with tempfile.TemporaryDirectory(prefix="headrace-") as scratch:
        if address.startswith(("runs:", "models:")):
            store = _Tracking(registry)
            with mlflow_errors(store.place):
                location, origin = store.find(address)
            yield _local(location, Path(scratch) / "model", store), origin
        else:
            name = address.rstrip("/").rpartition("/")[2] if address.startswith("s3:") else ""
            yield _local(address, Path(scratch) / "model", None), ModelOrigin(address, name=name)


class _Tracking:
    """Runs and registered models of one server or store, which are only read."""

    def __init__(self, registry: str) -> None:
        self.place = _place(registry)
        settings.before_mlflow()
        from mlflow import MlflowClient  # noqa: PLC0415 - takes more than a second, and folders need none

        for name in _LOUD:
            logging.getLogger(name).setLevel(logging.CRITICAL)
        with mlflow_errors(self.place):
            self._client: MlflowClient = MlflowClient(tracking_uri=self.place.url, registry_uri=self.place.url)

    def find(self, address: str) -> tuple[str, ModelOrigin]:
        """Return where a model's files are, and where it comes from."""
        if match := _RUN.fullmatch(address):
            return self._of_run(address, match["run"], match["path"].strip("/"))
        if match := _LOGGED.fullmatch(address):
            return self._find_logged(match["model"], ModelOrigin(address))
        if match := _REGISTERED.fullmatch(address):
            return self._find_version(address, unquote(match["name"]), match["version"], match["alias"])
        raise InputError(
            "a model must be runs:/RUN/PATH, models:/NAME/VERSION, models:/NAME@ALIAS or models:/m-ID; got "
            f"{quote(address)}."
        )

    def _of_run(self, address: str, identity: str, path: str) -> tuple[str, ModelOrigin]:
        run = self._ask(lambda: self._client.get_run(identity), f"no run {identity}")
        commit, name = run.data.tags.get(_COMMIT, ""), path.rpartition("/")[2]
        origin = ModelOrigin(address, run=identity, commit=commit, name=name)
        # MLflow 3 keeps a model beside its run, and 2 among its files.
        for output in getattr(run.outputs, "model_outputs", None) or ():
            logged = self._client.get_logged_model(output.model_id)
            if logged.name == path:
                return str(logged.artifact_location), origin
        held = [file.path for file in self._client.list_artifacts(identity, path)]
        if f"{path}/{DESCRIPTION}" not in held:
            raise MissingError(
                f"the run {identity} in {self.place} must hold a model at {quote(path)}; it holds none there."
            )
        return f"{str(run.info.artifact_uri).rstrip('/')}/{path}", origin

    def _find_version(self, address: str, name: str, version: str | None, alias: str | None) -> tuple[str, ModelOrigin]:
        if alias:
            found = self._ask(
                lambda: self._client.get_model_version_by_alias(name, alias),
                f"no model {quote(name)} with the alias {quote(alias)}",
            )
        elif version and version.isdecimal():
            found = self._ask(
                lambda: self._client.get_model_version(name, version), f"no version {version} of a model {quote(name)}"
            )
        else:
            raise InputError(
                f"a version must be a number, or an alias after an @; got {quote(str(version))} in {quote(address)}."
            )
        run = str(found.run_id or "")
        commit = ""
        if run:
            with contextlib.suppress(MissingError):  # a run may be deleted while its model stays
                commit = self._ask(lambda: self._client.get_run(run), "no run").data.tags.get(_COMMIT, "")
        origin = ModelOrigin(address, registered=f"{name}/{found.version}", run=run, commit=commit, name=name)
        source = str(found.source)
        if match := _LOGGED.fullmatch(source):
            return self._find_logged(match["model"], origin)
        if source.startswith(("runs:", "models:")):
            location, _ = self.find(source)
            return location, origin
        return source, origin

    def _find_logged(self, identity: str, origin: ModelOrigin) -> tuple[str, ModelOrigin]:
        logged = self._ask(lambda: self._client.get_logged_model(identity), f"no model {identity}")
        run = origin.run or str(getattr(logged, "source_run_id", None) or "")
        return str(logged.artifact_location), replace(origin, run=run, name=origin.name or str(logged.name))

    def _ask(self, question: Any, absent: str) -> Any:
        from mlflow.exceptions import MlflowException  # noqa: PLC0415 - imported by now
        from mlflow.tracking._tracking_service import utils  # noqa: PLC0415

        try:
            # MLflow's store of files asks its default store about each version, which it creates as ./mlflow.db.
            with utils._use_tracking_uri(self.place.url):  # noqa: SLF001 - no public name undoes what it sets
                return question()
        except MlflowException as error:
            if str(error.error_code) == "RESOURCE_DOES_NOT_EXIST" or "not found" in str(error.message).lower():
                raise MissingError(f"there is {absent} in {self.place}.") from error
            raise

    def download(self, location: str, folder: Path) -> Path:
        """Download a model's files through the server."""
        from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository  # noqa: PLC0415 - slow

        with mlflow_errors(self.place):
            repository = get_artifact_repository(location, tracking_uri=self.place.url, registry_uri=self.place.url)
            listed = list(_walk(repository, None))
            _check_sizes([(str(one.path), int(one.file_size or 0)) for one in listed], location)
            folder.mkdir()
            fetch: Callable[..., Any] = repository.download_artifacts
            fetch("", str(folder))
        return folder


def _walk(repository: Any, path: str | None) -> Iterator[Any]:
    for count, one in enumerate(repository.list_artifacts(path)):
        if count > _MOST_FILES:
            return
        if one.is_dir:
            yield from _walk(repository, one.path)
        else:
            yield one


def _check_sizes(files: list[tuple[str, int]], location: str) -> None:
    if not any(name == DESCRIPTION for name, _ in files):
        raise MissingError(f"{location} must hold the file {DESCRIPTION}, as a model of MLflow does; it does not.")
    if len(files) > _MOST_FILES or sum(size for _, size in files) > 4 * MOST_BYTES:
        raise InputError(
            f"{location} must hold at most {_MOST_FILES} files of 4 GiB together to be imported; it holds more."
        )


def _place(registry: str) -> RegistryLocation:
    """Return where runs and models are; a folder is MLflow's store of files."""
    folder = (
        Path(registry.removeprefix("file://")) if registry and "://" not in registry.removeprefix("file://") else None
    )
    if folder is not None and folder.is_dir():
        return RegistryLocation(url=folder.absolute().as_uri())
    place = registry_location(registry)
    if place.path is not None and not place.path.exists():
        raise MissingError(
            f"there is no store of MLflow at {place}; name its server, its SQLite file or its folder mlruns by "
            "--registry."
        )
    return place


def _local(location: str, folder: Path, store: _Tracking | None) -> Path:
    """Return the local folder of a location, downloaded if it is elsewhere."""
    scheme = (
        urlsplit(location).scheme if "://" in location or location.startswith(("mlflow-artifacts:", "file:")) else ""
    )
    if scheme in {"", "file"}:
        path = Path(unquote(urlsplit(location).path) if scheme else location)
        return path.parent if path.name == DESCRIPTION and path.is_file() else path
    if scheme == "s3":
        return _from_bucket(location, folder)
    if store is not None and scheme in {"mlflow-artifacts", "http", "https"}:
        return store.download(location, folder)
    raise InputError(
        f"a model must be in a folder, in s3:// or behind an MLflow server; it is at {quote(location)}: fetch it with "
        "`mlflow artifacts download`, and import the folder."
    )


def _from_bucket(location: str, folder: Path) -> Path:
    place = open_objects(location)
    files = [(one.key.removeprefix(place.prefix), one.size) for one in place.store.list(place.prefix)]
    _check_sizes(files, location)
    try:
        for name, size in files:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            place.store.get_file(place.prefix + name, folder / name, size)
    except OSError as error:
        if isinstance(error, StoreError | MissingError):
            raise
        shutil.rmtree(folder, ignore_errors=True)
        raise InputError(f"{location} cannot be stored in {folder}: {error.strerror}.") from error
    return folder
