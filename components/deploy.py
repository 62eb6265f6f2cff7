"""The component that brings the published bundle to an endpoint."""

from kfp import dsl
from kfp.dsl import Artifact, Output

from headrace.components.base import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def deploy(uri: str, endpoint: Output[Artifact], name: str = "", target: str = "") -> str:
    """Serve a published bundle, and wait until the endpoint answers with it.

    Args:
        uri: What ``publish`` returned.
        endpoint: JSON with the endpoint's URL, name, digest and process.
        name: Name of the model on the endpoint; empty for its own.
        target: Where to serve; empty or "local" for the machine that the step runs on.

    Returns:
        Where predictions are asked for: ``http://HOST:PORT/v1/models/NAME:predict``.
    """
    from pathlib import Path

    from headrace.core.steps import step
    from headrace.core.text import plain
    from headrace.serving.deployer import deploy_step

    with step("deploy") as say:
        facts = deploy_step(plain(uri), name=plain(name), target=target, record=Path(endpoint.path))
        endpoint.metadata.update(facts)
        say(facts["url"])
        return facts["url"]
