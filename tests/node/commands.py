"""Commands of the suite that tests of the node run on this machine."""

import subprocess

from tests.conftest import headrace
from tests.node.conftest import Place
from tests.node.kserve_controller import Controller


def command(place: Place, platform: Controller, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command line, run on this machine: outside of the cluster, through its gateway."""
    gateway = {"HEADRACE_GATEWAY": platform.ingress.address}
    told = {**place.outside.environment(), "KUBECONFIG": place.node.kubeconfig, **gateway}
    return headrace(*arguments, "--namespace", place.cluster.namespace, **told)
