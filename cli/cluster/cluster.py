"""``headrace cluster``: what an installation on Kubernetes needs."""

import shlex
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from headrace.cli.options.kubernetes_options import Context, namespace_option
from headrace.core.base.errors import HeadraceError, InputError

if TYPE_CHECKING:
    from headrace.core.base.environment_values import KafkaSettings

EXAMPLES = """
Examples:

  headrace cluster render local -o manifests

  headrace cluster keys

  headrace cluster cleanup --dry-run

  headrace doctor --platform cluster
"""
RENDER_EXAMPLES = """
Examples:

  headrace cluster render local -o manifests

  headrace cluster render local -o manifests --detect-namespace

  headrace cluster render production -o manifests --namespace team-a --create-namespace --endpoint heart

  headrace cluster render staging -o manifests --image-registry registry.internal:5000/mirror
"""
KEYS_EXAMPLES = """
Examples:

  HEADRACE_S3_ENDPOINT=http://headrace-object-store:9000 headrace cluster keys

  headrace cluster keys --database --namespace team-a

  HEADRACE_KAFKA_USER=frauds headrace cluster keys --kafka
"""
CLEANUP_EXAMPLES = """
Examples:

  headrace cluster cleanup --dry-run

  headrace cluster cleanup --namespace team-a

  HEADRACE_GATEWAY=127.0.0.1:8080 headrace cluster cleanup      (from outside the cluster, to complete a rollout)
"""
app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Install on Kubernetes and clean up: manifests, keys, and what killed steps left behind.",
    epilog=EXAMPLES,
)


@app.command(epilog=RENDER_EXAMPLES)
def render(
    overlay: Annotated[str, typer.Argument(metavar="OVERLAY", help="local, staging or production.")] = "local",
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder to write.", metavar="FOLDER")] = Path(
        "manifests"
    ),
    namespace: Annotated[
        str,
        namespace_option(
            "the overlay's own, which is created",
            "Existing namespace, which others may use too: the manifests neither create it nor hold policies for the "
            "pods of others.",
        ),
    ] = "",
    create_namespace: Annotated[
        bool,
        typer.Option("--create-namespace", help="Create that namespace, for Headrace alone, with all policies."),
    ] = False,
    detect_namespace: Annotated[
        bool,
        typer.Option("--detect-namespace", help="Use the namespace in which Kubeflow Pipelines runs steps."),
    ] = False,
    context: Context = "",
    bind_service_account: Annotated[
        list[str] | None,
        typer.Option(
            help="Service account that also gets the rights of headrace-pipeline, such as pipeline-runner; repeatable.",
            metavar="NAME",
        ),
    ] = None,
    image: Annotated[
        str, typer.Option(help="Image instead of the suite's own.", show_default="that of this version")
    ] = "",
    image_registry: Annotated[
        str,
        typer.Option(help="Registry for all other images.", metavar="HOST[/PATH]", show_default="each image's own"),
    ] = "",
    endpoint: Annotated[
        str, typer.Option(help="Endpoint that is scaled, where the overlay scales one.", metavar="NAME")
    ] = "model",
    kustomize: Annotated[bool, typer.Option("--kustomize", help="Also write the sources for kustomize.")] = False,
) -> None:
    """Write all manifests of OVERLAY, ready to be applied, and the list of the images that they run."""
    if detect_namespace and (namespace or create_namespace):
        raise InputError(
            "--detect-namespace must not be given with --namespace or --create-namespace; leave it or them out."
        )
    if create_namespace and not namespace:
        raise InputError(
            "--create-namespace must be given with --namespace, which names the namespace to create; add it."
        )
    from headrace.cluster.api import yaml_documents  # noqa: PLC0415 - slow
    from headrace.cluster.install import manifests  # noqa: PLC0415 - slow
    from headrace.core.base.files import write_text  # noqa: PLC0415

    options = manifests.InstallOptions(
        overlay,
        namespace=_detect_namespace(context) if detect_namespace else namespace,
        image=image,
        image_registry=image_registry,
        endpoint=endpoint,
        shared=detect_namespace or (namespace != "" and not create_namespace),
        bound_service_accounts=tuple(bind_service_account or ()),
    )
    if options.namespace == manifests.own_namespace(overlay):
        options = replace(options, shared=False)
    documents = manifests.render(options)
    path = output / f"{overlay}.yaml"
    write_text(path, yaml_documents.dump_all(documents))
    write_text(output / "images.txt", "".join(f"{one}\n" for one in manifests.images(documents)))
    if kustomize:
        for name, text in manifests.sources():
            write_text(output / "kustomize" / name, text)
    typer.echo(f"{path} holds {len(documents)} objects; their images are listed in {output / 'images.txt'}.")
    if options.shared:
        typer.echo(f"{options.namespace} is used by others too: the namespace and policies on their pods are left out.")
    apply = shlex.join(["kubectl", "apply", "--server-side", "-f", str(path)])
    typer.echo(f"Next: {apply}; headrace cluster keys --namespace {manifests.home(documents)}")


def _detect_namespace(context: str) -> str:
    """Return the namespace in which Kubeflow Pipelines runs steps, and print where that is known from.

    Raises:
        InputError: If neither Kubeflow Pipelines nor the cluster reports it.
    """
    from headrace.cluster.api.kubeconfig import connect  # noqa: PLC0415 - slow
    from headrace.cluster.kfp.step_place import find_step_place  # noqa: PLC0415

    place = find_step_place(connect(context=context))
    if place is None:
        raise InputError(
            "Kubeflow Pipelines must say where it runs steps: there is no Deployment ml-pipeline that you may read; "
            "set HEADRACE_KFP_ENDPOINT, or name its namespace, or your profile's, by --namespace."
        )
    typer.echo(f"{place}.")
    return place.namespace


@app.command(epilog=KEYS_EXAMPLES)
def keys(
    namespace: Annotated[
        str,
        namespace_option("that in which Kubeflow Pipelines runs steps, else the context's"),
    ] = "",
    context: Context = "",
    database: Annotated[
        bool,
        typer.Option("--database", help="Also generate the keys of the registry's database, if they do not exist yet."),
    ] = False,
    records: Annotated[
        bool,
        typer.Option("--records", help="Also write the addresses and logins of registry, catalogue and lineage."),
    ] = False,
    kafka: Annotated[
        bool, typer.Option("--kafka", help="Also write the login of HEADRACE_KAFKA_*, for streams and for KEDA.")
    ] = False,
) -> None:
    """Write the object store's keys of HEADRACE_S3_* into the Secrets that steps and KServe read; none is shown."""
    from headrace.cluster.api.kubeconfig import connect  # noqa: PLC0415 - slow
    from headrace.cluster.install.secrets import (  # noqa: PLC0415
        make_database_keys,
        put_kafka_login,
        put_records,
        put_store_keys,
    )
    from headrace.cluster.kfp.step_place import find_step_place  # noqa: PLC0415
    from headrace.core.base import settings  # noqa: PLC0415
    from headrace.core.base.secret_names import (  # noqa: PLC0415
        DATABASE_SECRET,
        KAFKA_SECRET,
        RECORDS_SECRET,
        STORE_SECRET,
    )

    store = settings.store_settings()
    if store is None:
        raise InputError(
            "HEADRACE_S3_ENDPOINT, HEADRACE_S3_ACCESS_KEY and HEADRACE_S3_SECRET_KEY must be set to what the cluster's "
            "pods use; HEADRACE_S3_ENDPOINT is not."
        )
    cluster = connect(context=context, namespace=namespace)
    place = find_step_place(cluster)
    if place and not namespace:
        typer.echo(f"{place}.")
        cluster = replace(cluster, namespace=place.namespace)
    put_store_keys(cluster, store)
    typer.echo(f"the Secret {STORE_SECRET} in {cluster.namespace} holds the keys of {store.endpoint}.")
    if database:
        created = make_database_keys(cluster)
        typer.echo(f"the Secret {DATABASE_SECRET} {'holds new keys' if created else 'is unchanged'}.")
    if records:
        values = settings.records()
        put_records(cluster, values)
        typer.echo(f"the Secret {RECORDS_SECRET} holds {', '.join(values)}.")
    if kafka:
        login = settings.kafka_settings()
        put_kafka_login(cluster, login)
        typer.echo(f"the Secret {KAFKA_SECRET} holds {_describe_login(login)}.")
    if place and place.namespace != cluster.namespace:
        typer.echo(f"{place}: bring the keys there too, by headrace cluster keys --namespace {place.namespace}.")
    typer.echo(f"Next: headrace doctor --platform cluster --namespace {cluster.namespace}")


def _describe_login(login: "KafkaSettings") -> str:
    """Return in a few words how pods log in at Kafka."""
    if login.user:
        return f"the login of {login.user} at Kafka"
    return f"how to log in at Kafka: {login.security_protocol or 'PLAINTEXT'}, without a user"


@app.command(epilog=CLEANUP_EXAMPLES)
def cleanup(
    namespace: Annotated[str, namespace_option("the context's")] = "",
    context: Context = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only print what would be cleaned up.")] = False,
) -> None:
    """Clean up after killed searches, deployments and rollouts; what a process still watches stays."""
    from headrace.cluster.api.kubeconfig import connect  # noqa: PLC0415 - slow
    from headrace.rollouts.cleanup import clean_up, find  # noqa: PLC0415

    cluster = connect(context=context, namespace=namespace)
    scan = find(cluster, say=lambda text: typer.echo(f"  … {text}"))
    failed = 0
    for orphan in scan.orphans:
        try:
            typer.echo(f"  {orphan}." if dry_run else f"  {clean_up(orphan)}")
        except HeadraceError as error:
            failed += 1
            typer.echo(f"  {orphan.what} could not be cleaned up: {error}")
    for sentence in scan.unread:
        typer.echo(f"  {sentence}")
    for sentence in scan.unwatched:
        typer.echo(f"  {sentence}")
    for what in scan.watched:
        typer.echo(f"  {what} is watched and stays.")
    last = _closing_line(len(scan.orphans), failed, cluster.namespace, dry_run=dry_run)
    typer.echo(f"{len(scan.unread)} could not be read. {last}" if scan.unread else last)
    if failed:
        raise typer.Exit(2)


def _closing_line(orphans: int, failed: int, namespace: str, *, dry_run: bool) -> str:
    """Return the closing line: how it stands, and what to do next."""
    doctor = f"Next: headrace doctor --platform cluster --namespace {namespace}"
    if not orphans:
        return f"Nothing is left to clean up in {namespace}. {doctor}"
    if dry_run:
        return f"{orphans} left behind in {namespace}. Next: headrace cluster cleanup --namespace {namespace}"
    if failed:
        return f"{failed} of {orphans} could not be cleaned up in {namespace}. Next: fix the causes above, then retry."
    return f"{orphans} cleaned up in {namespace}. {doctor}"
