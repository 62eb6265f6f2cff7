"""A pipeline that uses all that kfp and kfp-kubernetes know, for tests of what becomes of it."""

from pathlib import Path
from typing import Any

IMAGE = "headrace/headrace-python:0.1.0"


def compile_made(path: Path, *, native: bool = False) -> Path:
    """Compile it, as KFP's own YAML or as objects of Kubernetes."""
    from kfp import compiler

    options: dict[str, Any] = {}
    if native:
        named = compiler.KubernetesManifestOptions(
            pipeline_name="made", namespace="models", include_pipeline_manifest=True
        )
        options = {"kubernetes_manifest_format": True, "kubernetes_manifest_options": named}
    compiler.Compiler().compile(_pipeline(), str(path), **options)
    return path


def _pipeline() -> Any:
    from kfp import dsl, kubernetes

    @dsl.component(base_image=IMAGE, install_kfp_package=False)
    def deploy(name: str, rows: int = 1) -> str:
        return name

    @dsl.component(base_image=IMAGE, install_kfp_package=False)
    def read(table: dsl.Input[dsl.Artifact]) -> None:
        pass

    @dsl.container_component
    def box(text: str) -> dsl.ContainerSpec:
        return dsl.ContainerSpec(image="busybox", command=["echo"], args=[text])

    space = dsl.WorkspaceConfig(
        size="1Gi", kubernetes=dsl.KubernetesWorkspaceConfig(pvcSpecPatch={"storageClassName": "fast"})
    )

    @dsl.pipeline(name="made", pipeline_config=dsl.PipelineConfig(workspace=space))
    def made(name: str = "x", secret: str = "by-default", other: str = "") -> None:
        asking = deploy(name=name)
        kubernetes.use_secret_as_env(asking, "db", {"password": "DB_PASSWORD"}, optional=True)
        kubernetes.use_secret_as_env(asking, secret, {"key": "KEY"})
        kubernetes.use_secret_as_env(asking, other, {"key": "OTHER"})
        kubernetes.use_secret_as_volume(asking, "certificates", mount_path="/certificates")
        kubernetes.use_config_map_as_env(asking, "settings", {"level": "LEVEL"})
        kubernetes.use_config_map_as_volume(asking, "files", mount_path="/files")
        kubernetes.mount_pvc(asking, "archive", "/archive")
        kubernetes.add_node_selector(asking, "disk", "ssd")
        kubernetes.add_toleration(asking, key="team", operator="Exists", effect="NoSchedule")
        kubernetes.set_image_pull_secrets(asking, ["registry"])
        kubernetes.set_image_pull_policy(asking, "Always")
        kubernetes.set_timeout(asking, 60)
        kubernetes.add_pod_label(asking, "a", "b")
        kubernetes.set_security_context(asking, run_as_user=1000)
        kubernetes.add_ephemeral_volume(asking, "scratch", "/scratch", ["ReadWriteOnce"], "1Gi")
        kubernetes.empty_dir_mount(asking, "empty", "/empty")
        kubernetes.use_field_path_as_env(asking, "POD", "metadata.name")
        asking.set_cpu_request("2").set_memory_limit("4G")
        asking.set_accelerator_type("nvidia.com/gpu").set_accelerator_limit(1)
        asking.set_retry(2)
        again = deploy(name="text of 100 kB" * 7500)
        kubernetes.use_secret_as_env(again, "db", {"user": "DB_USER"})
        claim = kubernetes.CreatePVC(
            pvc_name="made-here", access_modes=["ReadWriteOnce"], size="1Gi", storage_class_name="slow"
        )
        using = deploy(name="uses python3").after(claim)
        kubernetes.mount_pvc(using, "made-here", "/data")
        with dsl.ParallelFor([1, 2], parallelism=5) as number:
            deploy(name="looped", rows=number)
        table = dsl.importer(artifact_uri="s3://bucket/table", artifact_class=dsl.Artifact)
        read(table=table.output)
        box(text="hello")

    return made
