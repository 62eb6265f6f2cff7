"""What tests are started in has no part in them: no settings, cluster, language or terminal of whoever starts them."""

import os

# What says where parts of the tests lie is meant for them; see CONTRIBUTING.
_MEANT = ("HEADRACE_TEST_", "HEADRACE_CRDS")
_SETTINGS = ("HEADRACE_", "KFP_", "KUBERNETES_", "MINIO_", "MLFLOW_", "OTEL_", "RCLONE_")
_LANGUAGE = ("LC_", "LANG", "LANGUAGE", "PYTHONUTF8", "PYTHONIOENCODING")
_TERMINAL = ("COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "PY_COLORS", "CLICOLOR", "GITHUB_ACTIONS")
_PYTHON = ("PYTHONWARNINGS", "PYTHONOPTIMIZE", "PYTHONDEVMODE", "PYTHONINSPECT", "PYTHONVERBOSE")
_GIT = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX")  # which git sets for its hooks
_OTHERS = ("SOURCE_DATE_EPOCH", "KUBECONFIG")
_HERE = "127.0.0.1,localhost"


def leave() -> None:
    """Take out of this process's environment, and so of all that tests start, what would change what is tested."""
    for name in list(os.environ):
        if name.startswith((*_SETTINGS, *_LANGUAGE)) and not name.startswith(_MEANT):
            del os.environ[name]
    for name in (*_TERMINAL, *_PYTHON, *_GIT, *_OTHERS):
        os.environ.pop(name, None)
    # Servers of tests are on this machine; proxies are for what real parts are installed from.
    for name in ("no_proxy", "NO_PROXY"):
        os.environ[name] = ",".join(filter(None, (os.environ.get(name), _HERE)))
