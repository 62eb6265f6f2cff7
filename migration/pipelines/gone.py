"""What the v1 SDK had and KFP 2 has not, with what to write instead."""

# Where a name stands in KFP 2, if it only moved.
MOVED = {
    "kfp.dsl.Condition": "If",
    "kfp.components.InputPath": "InputPath",
    "kfp.components.OutputPath": "OutputPath",
    "kfp.dsl.RUN_ID_PLACEHOLDER": "PIPELINE_JOB_ID_PLACEHOLDER",
    "kfp.components.create_component_from_func": "component",
    "kfp.components.func_to_container_op": "component",
}
CREATORS = frozenset({"kfp.components.create_component_from_func", "kfp.components.func_to_container_op"})
LOADERS = {
    "kfp.components.load_component_from_file", "kfp.components.load_component_from_url",
    "kfp.components.load_component_from_text", "kfp.components.load_component",
}  # fmt: skip

_CONTAINER = "Write a @dsl.container_component that returns dsl.ContainerSpec(image=…, command=…, args=…), and call it."
_FILES = "Annotate the parameter with dsl.InputPath() or dsl.OutputPath() and open the file in the function."
_DECORATE = "Decorate the function with @dsl.component."
_CLAIM = "kfp.kubernetes has CreatePVC, DeletePVC and mount_pvc."
_CLUSTER = "Create it before the run, or in a component that calls the Kubernetes API."
_SETTINGS = "Settings of the run are arguments of dsl.PipelineConfig, of kfp.kubernetes and of the client."
HINTS = {
    "kfp.dsl.ContainerOp": _CONTAINER,
    "kfp.dsl.UserContainer": _CONTAINER,
    "kfp.dsl.InputArgumentPath": "Give the component an input of type dsl.Input[dsl.Artifact], and pass its .path.",
    "kfp.dsl.Sidecar": "KFP 2 has no sidecars; start the process in the component's own command.",
    "kfp.dsl.InitContainer": "KFP 2 has no init containers; make it a component before this one.",
    "kfp.dsl.VolumeOp": _CLAIM,
    "kfp.dsl.VolumeSnapshotOp": _CLUSTER,
    "kfp.dsl.ResourceOp": _CLUSTER,
    "kfp.dsl.PipelineVolume": _CLAIM,
    "kfp.dsl.PipelineParam": "Annotate a parameter with its type, such as str or int.",
    "kfp.dsl.PipelineConf": _SETTINGS,
    "kfp.dsl.get_pipeline_conf": _SETTINGS,
    "kfp.dsl.EXECUTION_ID_PLACEHOLDER": "dsl.PIPELINE_TASK_ID_PLACEHOLDER is the id of a task.",
    "kfp.dsl.graph_component": "Write it as a @dsl.pipeline and call that; for recursion there is no form.",
    "kfp.dsl.python_component": "Write @dsl.component(base_image=…).",
    "kfp.dsl.types": "Annotate with str, int, float, bool, list, dict, or dsl.Input[dsl.Dataset] and its like.",
    "kfp.components.create_component_from_func": _DECORATE,
    "kfp.components.func_to_container_op": _DECORATE,
    "kfp.components.InputTextFile": _FILES,
    "kfp.components.InputBinaryFile": _FILES,
    "kfp.components.OutputTextFile": _FILES,
    "kfp.components.OutputBinaryFile": _FILES,
    "kfp.components.ComponentStore": "Load components by load_component_from_url or from files of your own.",
    "kfp.components.load_component": "Call load_component_from_file or load_component_from_text.",
    "kfp.components.func_to_component_text": "Decorate with @dsl.component and compile with kfp.compiler.Compiler().",
    "kfp.components.func_to_component_file": "Decorate with @dsl.component and compile with kfp.compiler.Compiler().",
    "kfp.run_pipeline_func_locally": "kfp.local.init(runner=…), then call the pipeline.",
    "kfp.run_pipeline_func_on_cluster": "kfp.Client().create_run_from_pipeline_func(…).",
    "kfp.gcp": "kfp.kubernetes.use_secret_as_env and use_secret_as_volume mount a Secret.",
    "kfp.aws": "kfp.kubernetes.use_secret_as_env(task, secret_name=…, secret_key_to_env=…).",
    "kfp.azure": "kfp.kubernetes.use_secret_as_env(task, secret_name=…, secret_key_to_env=…).",
    "kfp.onprem": "kfp.kubernetes.mount_pvc and use_secret_as_env.",
    "kfp.notebook": "",
}
# Modules in which each name is looked up in the KFP that is installed.
MODULES = ("kfp", "kfp.dsl", "kfp.components", "kfp.compiler")

_VOLUMES = "kfp.kubernetes has mount_pvc, use_secret_as_volume, use_config_map_as_volume and empty_dir_mount."
# Methods of tasks that KFP 2 has no form for, or one in another place.
TASK_METHODS = {
    "add_volume": _VOLUMES,
    "add_volume_mount": _VOLUMES,
    "add_pvolumes": "kfp.kubernetes.mount_pvc(task, pvc_name=…, mount_path=…).",
    "add_toleration": "kfp.kubernetes.add_toleration(task, key=…, operator=…, value=…, effect=…).",
    "add_affinity": "kfp.kubernetes.add_node_affinity(task, …).",
    "set_security_context": "kfp.kubernetes.set_security_context(task, run_as_user=…).",
    "add_sidecar": "KFP 2 has no sidecars; start the process in the component's own command.",
    "add_init_container": "KFP 2 has no init containers; make it a component before this one.",
    "add_resource_limit": "set_cpu_limit, set_memory_limit, set_accelerator_type and set_accelerator_limit.",
    "add_resource_request": "set_cpu_request and set_memory_request.",
    "set_ephemeral_storage_limit": "KFP 2 has no setting for it.",
    "set_ephemeral_storage_request": "KFP 2 has no setting for it.",
    "set_shm_size": "kfp.kubernetes.empty_dir_mount(task, volume_name=…, mount_path='/dev/shm', medium='Memory').",
    "set_env_from": "kfp.kubernetes.use_secret_as_env or use_config_map_as_env.",
    "add_env_from": "kfp.kubernetes.use_secret_as_env or use_config_map_as_env.",
    "add_artifact_argument": "Pass the artifact as an argument.",
}
TASK_ATTRIBUTES = {
    "pvolume": "kfp.kubernetes.mount_pvc(task, pvc_name=…, mount_path=…).",
    "pvolumes": "kfp.kubernetes.mount_pvc(task, pvc_name=…, mount_path=…).",
}
