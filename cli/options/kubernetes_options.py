"""Options of commands that talk to a Kubernetes cluster."""

from typing import Annotated, Any

import typer


def namespace_option(unset: str, help_text: str = "Kubernetes namespace.") -> Any:
    """Return the option ``--namespace``.

    Args:
        unset: What applies if it is not given, for the help.
        help_text: Its description.
    """
    return typer.Option("--namespace", "-n", help=help_text, metavar="NAME", show_default=unset)


Namespace = Annotated[str, namespace_option("the context's, or the pod's own")]
Context = Annotated[
    str, typer.Option(help="Context of the kubeconfig.", metavar="NAME", show_default="the current one")
]
Endpoint = Annotated[
    str, typer.Option(metavar="NAME", help="On KServe: name of the endpoint.", show_default="the model's")
]
Gateway = Annotated[
    str,
    typer.Option(
        help="Gateway through which this machine reaches the endpoints, if it is outside the cluster.",
        metavar="HOST:PORT",
        show_default="HEADRACE_GATEWAY",
    ),
]
