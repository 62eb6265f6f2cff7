"""A whole Kubernetes node for tests: it is started, gets the images that it runs, and is stopped again."""

import contextlib
import os
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from headrace.cluster.api.client import Cluster
from headrace.cluster.api.kubeconfig import connect
from tests.conftest import REPOSITORY
from tests.real_parts import missing

GET_NODE = (
    "no Kubernetes node to be had: put a command `kubernetes` on PATH that knows `up`, `load`, `ctr`, `status` and "
    "`down`, as docs/guides/kubernetes.md says under Tests"
)
_SECONDS = 900


def command() -> str:
    """The command that starts nodes: the one beside the repository, else the one on PATH."""
    beside = REPOSITORY.parent / "shared" / "tools" / "kubernetes"
    found = str(beside) if beside.is_file() else shutil.which("kubernetes")
    if not found:
        missing(GET_NODE)
    if os.geteuid() != 0:
        missing("a Kubernetes node is started by root, and this is another user: run the tests as root")
    return found


@dataclass(frozen=True)
class SingleNode:
    """A running node.

    Attributes:
        tool: The command that started it.
        kubeconfig: Path of an administrator's kubeconfig.
        path: ``PATH`` that has its ``kubectl``.
    """

    tool: str
    kubeconfig: str
    path: str

    def admin(self, namespace: str = "default") -> Cluster:
        """A client that may do everything."""
        return connect(kubeconfig=self.kubeconfig, namespace=namespace)

    def kubectl(self, *arguments: str, text: str = "") -> str:
        """What a user's kubectl answers."""
        return _asked("kubectl", *arguments, text=text, KUBECONFIG=self.kubeconfig, PATH=self.path)

    def load(self, image: str, *, archive: Path | None = None) -> None:
        """Bring an image of the Docker engine, or of an archive, to the node, unless it is there."""
        if archive is None and self._has(image):
            return
        _asked(self.tool, "load", str(archive or image))

    def unload(self, image: str) -> None:
        """Take a name from the node that is not really its image's."""
        _asked(self.tool, "ctr", "images", "rm", image)

    def _has(self, image: str) -> bool:
        """Whether the node's image of that name is the engine's, whose ID is the digest of its configuration."""
        own = _asked("docker", "image", "inspect", "--format", "{{.Id}}", image).strip()
        lines = [line.split() for line in _asked(self.tool, "ctr", "images", "ls").splitlines()]
        digests = {line[0]: line[2] for line in lines if len(line) > 2}
        found = digests.get(f"docker.io/{image}")
        return found is not None and own in _asked(self.tool, "ctr", "content", "get", found)


@contextlib.contextmanager
def single_node() -> Iterator[SingleNode]:
    """Run a node for the length of the block; one that ran before runs on."""
    tool = command()
    ran = "kubelet" in _asked(tool, "status") and "ended" not in _asked(tool, "status")
    try:
        # The last line tells how to reach it: export KUBECONFIG=... PATH=...:$PATH
        told = _started(tool).splitlines()[-1]
        variables = dict(word.split("=", 1) for word in shlex.split(told)[1:])
        yield SingleNode(tool, variables["KUBECONFIG"], variables["PATH"].replace("$PATH", os.environ["PATH"]))
    finally:
        if not ran:
            _asked(tool, "down", "node")


def _started(tool: str) -> str:
    """What is said of a node that was started; a machine that lets none start has none."""
    try:
        return _asked(tool, "up")
    except AssertionError as error:
        missing(f"no Kubernetes node starts here: {' '.join(str(error).split())[-300:]}")


def _asked(*arguments: str, text: str = "", **environment: str) -> str:
    ended = subprocess.run(
        arguments,
        input=text,
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        env={**os.environ, **environment},
        check=False,
    )
    assert ended.returncode == 0, f"{' '.join(arguments)}\n{ended.stdout}{ended.stderr}"
    return ended.stdout
