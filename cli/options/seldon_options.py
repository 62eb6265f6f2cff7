"""The options of ``headrace export`` to Seldon and MLServer."""

from dataclasses import dataclass, fields
from typing import Annotated, Any

import typer

from headrace.cli.options.kubernetes_options import namespace_option


@dataclass(frozen=True)
class SeldonOptions:
    """Options that are keywords of ``headrace.api.export`` too; None, or false, is one that was not given."""

    uri: Annotated[
        str | None,
        typer.Option(help="Address that Seldon fetches the bundle from.", metavar="URI", show_default="MODEL's"),
    ] = None
    name: Annotated[
        str | None, typer.Option(help="Name of the objects.", metavar="NAME", show_default="the model's")
    ] = None
    namespace: Annotated[str | None, namespace_option("kubectl's")] = None
    image: Annotated[
        str | None, typer.Option(help="Image with MLServer and the suite; seldon-v1 needs it.", metavar="IMAGE")
    ] = None
    server: Annotated[
        str | None,
        typer.Option(
            "--server-name",
            help="Name of the Server of Core 2 for --image.",
            metavar="NAME",
            show_default="mlserver-headrace",
        ),
    ] = None
    replicas: Annotated[int | None, typer.Option(help="Replicas of each model.", min=1, show_default="1")] = None
    memory: Annotated[str | None, typer.Option(help="Memory of each model, such as 256Mi.", show_default="256Mi")] = (
        None
    )
    secret: Annotated[
        str | None,
        typer.Option(help="Secret with the store's keys.", metavar="NAME", show_default="Seldon's own"),
    ] = None
    candidate: Annotated[
        str | None, typer.Option(help="Version that answers a share of the requests.", metavar="MODEL")
    ] = None
    candidate_percent: Annotated[
        int | None, typer.Option(help="Share of the candidate.", min=1, max=99, show_default="10")
    ] = None
    mirror: Annotated[
        str | None, typer.Option(help="Version that gets copies of requests, and answers nobody.", metavar="MODEL")
    ] = None
    mirror_percent: Annotated[
        int | None, typer.Option(help="Share of requests that it gets.", min=1, max=100, show_default="100")
    ] = None
    detectors: Annotated[
        list[str] | None,
        typer.Option("--detector", help="Detector of the requests: drift or outlier; repeatable.", metavar="KIND"),
    ] = None
    window_rows: Annotated[
        int | None, typer.Option(help="Rows of a window of the drift detector.", min=20, show_default="1000")
    ] = None
    explainer: Annotated[bool, typer.Option("--explainer", help="Also a model of the explanations.")] = False

    def keywords(self) -> dict[str, Any]:
        """Return the options that were given, as keywords of ``headrace.api.export``."""
        values = {one.name: getattr(self, one.name) for one in fields(self)}
        return {name: value for name, value in values.items() if value is not None and value is not False}
