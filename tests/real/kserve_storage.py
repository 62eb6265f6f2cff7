"""KServe's own storage code, as its initializer calls it before a server starts: in an environment of its own."""

import os
import subprocess
from pathlib import Path

from headrace.core.base.settings import StoreSettings
from tests.real.peers import environment

_FETCH = "import sys; from kserve_storage import Storage; Storage.download(sys.argv[1], sys.argv[2])"


def fetched(uri: str, folder: Path, settings: StoreSettings) -> Path:
    """The folder with what KServe's code brings there.

    Args:
        uri: The ``storageUri``.
        folder: Where it is to lie; made if it is not there.
        settings: The store, told by the variables that KServe makes of a Secret's keys and annotations.
    """
    folder.mkdir(exist_ok=True)
    python = environment("kserve_storage") / "bin" / "python"
    keys = {
        "AWS_ACCESS_KEY_ID": settings.access_key,
        "AWS_SECRET_ACCESS_KEY": settings.secret_key,
        "AWS_ENDPOINT_URL": settings.endpoint,
        "S3_ENDPOINT": settings.endpoint.partition("://")[2],
        "S3_USE_HTTPS": "0",
        "S3_USER_VIRTUAL_BUCKET": "false",
        "AWS_DEFAULT_REGION": settings.region,
        "awsAnonymousCredential": "false",
    }
    variables = {"PATH": os.environ["PATH"], "HOME": str(folder.parent), **keys}
    command = [str(python), "-c", _FETCH, uri, str(folder)]
    ended = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=300, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return folder
