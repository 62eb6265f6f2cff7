"""How Headrace is called as a program: its command, its environment, and what it says of a failure.

Nothing here imports Airflow, so that it can be tested without one.
"""

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_SPEAKER = "headrace: "
# What a program may need of the worker's environment. Airflow's own variables hold secrets (AIRFLOW__DATABASE__...).
_PASSED = (
    *("PATH", "HOME", "USER", "LANG", "LC_ALL", "TZ", "TMPDIR", "KUBECONFIG"),
    *("KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT", "SSL_CERT_FILE"),
    *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"),
)
_PREFIX = "HEADRACE_"
_VARIABLES = {
    "kfp_endpoint": "HEADRACE_KFP_ENDPOINT",
    "kfp_namespace": "HEADRACE_KFP_NAMESPACE",
    "kfp_ca_file": "HEADRACE_KFP_CA_FILE",
    "s3_endpoint": "HEADRACE_S3_ENDPOINT",
    "s3_access_key": "HEADRACE_S3_ACCESS_KEY",
    "s3_secret_key": "HEADRACE_S3_SECRET_KEY",
    "s3_region": "HEADRACE_S3_REGION",
    "s3_bucket": "HEADRACE_S3_BUCKET",
    "registry": "HEADRACE_REGISTRY",
}
_KNOWN = {*_VARIABLES, "program", "state_folder", "variables"}
_SECONDS = 300.0


class HeadraceError(Exception):
    """What Headrace said when it failed, or what is wrong with how it is called; one sentence."""


@dataclass(frozen=True)
class Program:
    """Headrace in an environment of its own.

    Attributes:
        command: What starts it, without arguments.
        environment: All its variables; never shown, since they hold keys.
        state_folder: Folder of the logs of local runs; empty for the default.
    """

    command: tuple[str, ...]
    environment: Mapping[str, str] = field(repr=False)
    state_folder: str = ""

    def run(self, *arguments: str, seconds: float = _SECONDS) -> str:
        """Run a short command to its end, and return its standard output.

        Raises:
            HeadraceError: If it fails, or does not end in time.
        """
        command = [*self.command, *arguments]
        try:
            ended = subprocess.run(
                command, env=dict(self.environment), capture_output=True, text=True, errors="replace",
                stdin=subprocess.DEVNULL, timeout=seconds, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired as error:
            raise HeadraceError(
                f"headrace {arguments[0]} had {seconds:.0f} s to answer and did not; what it asks may be down."
            ) from error
        except OSError as error:
            raise HeadraceError(absence(self.command[0], error)) from error
        if ended.returncode:
            raise HeadraceError(failure(ended.stderr or ended.stdout, ended.returncode))
        return ended.stdout


def absence(program: str, error: OSError) -> str:
    """Return the sentence for a program that cannot be started."""
    return (
        f"Headrace must be an installed program; {program} cannot be started ({error.strerror}): name the headrace, or "
        "the Python, of its environment in the connection's field Program."
    )


def failure(output: str, code: int) -> str:
    """Return the one sentence in which Headrace says why it failed, from what it printed."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    said = [line.removeprefix(_SPEAKER) for line in lines if line.startswith(_SPEAKER)]
    if said:
        return said[-1]
    how = f"was ended by signal {-code if code < 0 else code - 128}" if code < 0 or code > 128 else f"ended with {code}"
    return f"headrace {how}" + (f", and said last: {lines[-1][:500]}" if lines else ", and said nothing.")


def program_of(extra: Mapping[str, Any], token: str, worker: Mapping[str, str]) -> Program:
    """Return the program of a connection.

    Args:
        extra: The connection's extra fields.
        token: The connection's password: the token of Kubeflow Pipelines; empty for none.
        worker: The worker's own environment.

    Raises:
        HeadraceError: If a field is unknown, or cannot be used.
    """
    unknown = sorted(set(extra) - _KNOWN)
    if unknown:
        raise HeadraceError(
            f"a connection of type headrace has the fields {', '.join(sorted(_KNOWN))}; got {unknown[0]!r}."
        )
    environment = {name: worker[name] for name in _PASSED if name in worker}
    environment |= {name: value for name, value in worker.items() if name.startswith(_PREFIX)}
    environment |= {_VARIABLES[name]: str(value) for name, value in extra.items() if name in _VARIABLES and value}
    environment |= _more_variables(extra.get("variables"))
    if token:
        environment["HEADRACE_KFP_TOKEN"] = token
    return Program(_command(str(extra.get("program") or "headrace")), environment, str(extra.get("state_folder") or ""))


def _command(program: str) -> tuple[str, ...]:
    is_python = Path(program).name.startswith("python")
    return (program, "-m", "headrace.cli.main") if is_python else (program,)


def _more_variables(given: Any) -> dict[str, str]:
    """Return the variables that a connection adds: a JSON object, as text or read already."""
    try:
        found = json.loads(given) if isinstance(given, str) and given.strip() else given or {}
    except ValueError as error:
        raise HeadraceError(
            f"the connection's field variables must be a JSON object; it cannot be read: {error}."
        ) from error
    if not isinstance(found, dict):
        raise HeadraceError(f"the connection's field variables must be a JSON object; got {type(found).__name__}.")
    wrong = next(
        (name for name, value in found.items() if not name.startswith(_PREFIX) or not isinstance(value, str)), None
    )
    if wrong is not None:
        raise HeadraceError(f"the connection's field variables must hold texts by names with {_PREFIX}; got {wrong!r}.")
    return dict(found)


def options(pairs: Mapping[str, Any]) -> list[str]:
    """Return command-line options: ``{"test_size": 0.3, "nested": True, "drop_columns": [...]}`` becomes flags.

    A list repeats its flag; True and False become ``--name`` and ``--no-name``; None leaves the option out.
    """
    found: list[str] = []
    for name, value in pairs.items():
        flag = "--" + name.replace("_", "-")
        if value is None:
            continue
        if isinstance(value, bool):
            found.append(flag if value else flag.replace("--", "--no-", 1))
        elif isinstance(value, Sequence) and not isinstance(value, str):
            found += [f"{flag}={one}" for one in value]
        else:
            found.append(f"{flag}={value}")
    return found


def own_folder(program: Program) -> Path:
    """Return the folder of the logs of local runs."""
    home = os.environ.get("AIRFLOW_HOME") or str(Path("~/airflow").expanduser())
    return Path(program.state_folder or Path(home) / "headrace")
