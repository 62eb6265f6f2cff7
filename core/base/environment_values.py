"""What some of the environment's settings are once they are read."""

from dataclasses import dataclass, field
from urllib.parse import urlsplit

from headrace.core.base.errors import InputError


@dataclass(frozen=True)
class TrialSettings:
    """What a trial is told that runs in a pod of its own.

    Attributes:
        study: URI of its rows, folds and Experiment.
        name: Its name.
        parameters: JSON object of its values, each a text.
    """

    study: str
    name: str
    parameters: str


@dataclass(frozen=True)
class KfpSettings:
    """How to reach the API of Kubeflow Pipelines.

    Attributes:
        endpoint: URL of the API, without ``/apis``.
        namespace: The user's namespace, where Kubeflow has several users; empty where it has one.
        token: Bearer token; never shown.
        cookie: Cookie of a browser's session, for a login page in front of the API; never shown.
        token_file: File whose content is the bearer token, read anew for each request; empty for none.
        ca_file: File of the certificates that are trusted; empty for the usual ones.
    """

    endpoint: str
    namespace: str = ""
    token: str = field(default="", repr=False)
    cookie: str = field(default="", repr=False)
    token_file: str = ""
    ca_file: str = ""

    def __post_init__(self) -> None:
        """Refuse an endpoint that is no URL.

        Raises:
            InputError: If it is none.
        """
        parts = urlsplit(self.endpoint)
        if parts.scheme not in {"http", "https"} or not parts.netloc or parts.query:
            raise InputError(
                f"HEADRACE_KFP_ENDPOINT must be a URL such as http://127.0.0.1:8888; got {self.endpoint!r} instead."
            )


@dataclass(frozen=True)
class Login:
    """Who asks a registry that wants to know.

    Attributes:
        user: Name for basic authentication; empty for none.
        password: Its password; never shown.
        token: Bearer token, in place of both; never shown.
    """

    user: str = ""
    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)


def positive(name: str, text: str, usual: int) -> int:
    """A positive whole number from the environment.

    Args:
        name: Name of the variable, for messages.
        text: What it holds; empty when unset.
        usual: What holds then.

    Raises:
        InputError: If it is none.
    """
    if text and (not text.isdecimal() or int(text) == 0):
        raise InputError(f"{name} must be a positive whole number; got {text!r} instead.")
    return int(text or usual)
