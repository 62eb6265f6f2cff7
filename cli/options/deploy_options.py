"""The options of ``headrace deploy``."""

from dataclasses import dataclass, fields
from typing import Annotated, Any

import typer

from headrace.cli.options.kubernetes_options import Context, Gateway, Namespace


@dataclass(frozen=True)
class DeployOptions:
    """Options of a deployment, which are keywords of ``headrace.api.deploy`` too; the annotations hold their help."""

    name: Annotated[str, typer.Option(help="Name of the endpoint.", metavar="NAME", show_default="the model's")] = ""
    namespace: Namespace = ""
    context: Context = ""
    mode: Annotated[
        str,
        typer.Option(help="Deployment mode of KServe: Standard or Knative.", show_default="the cluster's default"),
    ] = ""
    min_replicas: Annotated[int, typer.Option(help="Minimum number of replicas.", min=1)] = 1
    max_replicas: Annotated[
        int, typer.Option(help="Maximum number of replicas.", min=0, show_default="the minimum")
    ] = 0
    cpu: Annotated[
        str, typer.Option(help="CPU request and limit of a pod, such as 500m.", show_default="250m and 1")
    ] = ""
    memory: Annotated[
        str, typer.Option(help="Memory request and limit of a pod, such as 1Gi.", show_default="384Mi and 1Gi")
    ] = ""
    service_account: Annotated[str, typer.Option(help="Service account of the pods.", metavar="NAME")] = (
        "headrace-serving"
    )
    runtime: Annotated[str, typer.Option(help="Name of the ServingRuntime.", metavar="NAME")] = "headrace"
    deadline: Annotated[
        str, typer.Option(help="Maximum time until the version is live, such as 90s or 10m.", metavar="TIME")
    ] = "10m"
    gateway: Gateway = ""
    force_conflicts: Annotated[
        bool, typer.Option("--force-conflicts", help="Take ownership of fields that other field managers set.")
    ] = False

    def keywords(self) -> dict[str, Any]:
        """Return the options as keywords of ``headrace.api.deploy``."""
        return {field.name: getattr(self, field.name) for field in fields(self)}
