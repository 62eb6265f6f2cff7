"""Smoke-test a bundle before it is published: start a server in a clean environment and send it the test cases."""

import tempfile
from pathlib import Path

from headrace.core.base.errors import BundleError, InternalError
from headrace.core.bundles.bundle import open_bundle
from headrace.core.runtime.processes import lease
from headrace.serving.deployment.local import LocalDeployer
from headrace.serving.deployment.verify import verify

_MOST_SHOWN = 3
_LOG_LETTERS = 300


def run_smoke_test(folder: Path) -> None:
    """Serve a bundle in a fresh process that inherits no variable, and send it every test case of the bundle.

    Args:
        folder: The bundle.

    Raises:
        BundleError: If it does not start, or its answers differ from the bundle's.
        InternalError: If the server itself fails.
    """
    bundle = open_bundle(folder)
    with tempfile.TemporaryDirectory(prefix="headrace-") as scratch, lease(Path(scratch) / "lease") as lease_path:
        log = Path(scratch) / "server.log"
        deployer = LocalDeployer(lease_path=lease_path, log=log, clean=True)
        try:
            endpoint = deployer.deploy(str(folder.absolute()))
        except InternalError as error:
            tail = " ".join(log.read_text(errors="replace").split())[-_LOG_LETTERS:]
            raise InternalError(f"the server that tests the bundle in {folder} failed: {tail or error}.") from error
        except ValueError as error:
            raise BundleError(f"a bundle must boot before it is published; {error}") from error
        try:
            failures = verify(endpoint.url, bundle=bundle)["failures"]
        finally:
            deployer.undeploy(endpoint)
    if failures:
        raise BundleError(
            f"the bundle in {folder} must answer its own cases before it is published; "
            f"{'; '.join(failures[:_MOST_SHOWN])}: package the model again."
        )
