"""``headrace doctor``: what is installed and reachable, and what a pipeline will meet there."""

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from headrace.cli.options.kubernetes_options import Context, namespace_option
from headrace.cli.output.diagnostics_output import closing_line, format_diagnostics
from headrace.core.base.diagnostics import Diagnostic, as_dict
from headrace.core.base.errors import InputError

EXAMPLES = """
Examples:

  headrace doctor

  headrace doctor --platform cluster

  headrace doctor --platform cluster pipelines/compiled/training.yaml --namespace team-a

  headrace doctor --platform local pipeline.yaml -o found.json
"""


def doctor(
    pipeline: Annotated[Path | None, typer.Argument(metavar="[PIPELINE.yaml]", help="A compiled pipeline.")] = None,
    platform: Annotated[str, typer.Option(help="Where the pipeline is to run: local or cluster.")] = "local",
    namespace: Annotated[str, namespace_option("that in which Kubeflow Pipelines runs steps, else the context's")] = "",
    context: Context = "",
    service_account: Annotated[
        str, typer.Option(help="Service account of the pods.", metavar="NAME")
    ] = "headrace-pipeline",
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Also write the findings to this file, as JSON.", metavar="FILE"),
    ] = None,
) -> None:
    """Report what is installed and reachable, with which rights, and what a pipeline will meet there."""
    if platform == "local":
        findings = _local(pipeline)
    elif platform == "cluster":
        findings = _cluster(pipeline, namespace, context, service_account)
    else:
        raise InputError(f"--platform must be local or cluster; got {platform!r} instead.")
    findings = [*findings, *_find_unnamed_settings()]
    if output is not None:
        _write(output, platform, pipeline, findings)
    typer.echo("\n".join(format_diagnostics(findings)))
    typer.echo(closing_line(findings, platform=platform, pipeline=pipeline))
    sys.exit(0 if all(finding.state != "bad" for finding in findings) else 1)


def _local(pipeline: Path | None) -> list[Diagnostic]:
    from headrace.pipelines.compiled_spec.plan import read_plan  # noqa: PLC0415 - slow
    from headrace.pipelines.compiled_spec.unsupported_features import find_unsupported  # noqa: PLC0415
    from headrace.pipelines.local.doctor import examine_here  # noqa: PLC0415

    unsupported = find_unsupported(read_plan(pipeline)) if pipeline else []
    return [*examine_here(Path("headrace-out")), *unsupported]


def _cluster(pipeline: Path | None, namespace: str, context: str, account: str) -> list[Diagnostic]:
    from headrace.cluster.api.kubeconfig import connect  # noqa: PLC0415
    from headrace.cluster.doctor.examine import examine  # noqa: PLC0415
    from headrace.cluster.doctor.steps import check_steps  # noqa: PLC0415 - slow
    from headrace.cluster.install.requirements import ClusterRequirements  # noqa: PLC0415
    from headrace.cluster.kfp.step_place import find_step_place  # noqa: PLC0415
    from headrace.pipelines.compiled_spec.plan import read_plan  # noqa: PLC0415
    from headrace.pipelines.compiled_spec.requirements import cluster_requirements, find_ignored_features  # noqa: PLC0415
    from headrace.rollouts.cleanup import examine as examine_orphans  # noqa: PLC0415

    plan = read_plan(pipeline) if pipeline else None
    requirements = cluster_requirements(plan, account=account) if plan else ClusterRequirements(account=account)
    cluster = connect(context=context, namespace=namespace)
    place = find_step_place(cluster)
    if place and not namespace:
        cluster = replace(cluster, namespace=place.namespace)
    findings = examine(cluster, requirements, place)
    if place is None and all(finding.state != "bad" for finding in findings if finding.area == "Kubernetes"):
        findings += check_steps(cluster, place, requirements)
    if all(finding.state != "bad" for finding in findings if finding.area in {"Kubernetes", "Namespace"}):
        findings += examine_orphans(cluster)
    return [*findings, *(find_ignored_features(plan) if plan else [])]


def _find_unnamed_settings() -> list[Diagnostic]:
    from headrace.pipelines.local.service_checks import examine_named  # noqa: PLC0415 - slow

    return examine_named()


def _write(path: Path, platform: str, pipeline: Path | None, findings: Sequence[Diagnostic]) -> None:
    from headrace.core.base.files import write_json  # noqa: PLC0415

    subject: dict[str, Any] = {"platform": platform, "pipeline": str(pipeline) if pipeline else None}
    write_json(path, {**subject, **as_dict(findings)})
