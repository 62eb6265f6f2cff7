"""The notebooks of docs/notebooks are executed by real kernels, each as a reader would, one after the other.

``make notebooks`` writes their outputs again.
"""

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.jupyter.kept_notebooks import FOLDER, NAMES, kinds, write
from tests.jupyter.notebooks import execute, read, texts

pytestmark = [pytest.mark.jupyter, pytest.mark.filterwarnings("ignore")]  # of Jupyter's own

# Notebooks of a group go on with what the one before left; groups are independent of one another.
_GROUPS = (("run", "deploy", "explore"), ("monitor", "stream", "tune"))
_CLAIMS = {
    "explore": [r"\(569, 31\)", r"<Contract tumours: task binary, positive class malignant", r"tumours\.yaml is wr"],
    "run": [
        r"✓ report",
        r"<Run tumours: promote, roc_auc",
        r"ROC AUC .* the baseline has 0\.500",
        r"<Predictions of tumours: \d+ of \d+ rows scored>",
        r"'notebook\.ipynb'",
    ],
    "tune": [r"<Run progression: promote, r2", r"the test part", r"linear-000"],
    "deploy": [
        r"<ModelEndpoint tumours: http://127\.0\.0\.1:\d+/v1/models/tumours:predict",
        r"column 'mean_radius' must be from 0 to 50; got -1\.0 instead",
        r"569 of 569 rows scored",
        r", ended>",
    ],
    "monitor": [
        r"300 labels, 300 matched",
        r"The area under the ROC curve is 0\.\d+ \(.*\) over 300 labelled rows, beside 0\.",
        r"<Monitor pumps: in order",
        r"<Monitor pumps: stop: the data are",
        r"9\d\.\d % of 300 rows are without a value in 'pressure'",
    ],
    "stream": [r"\(599, 59\d, \{", r"<WatchedTopic topics/scores: 59\d events", r"Counter\(\{", r"3 events; no"],
}


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> dict[str, Any]:
    """The notebooks, executed in copies; written to the repository where that is asked for."""
    folder = tmp_path_factory.mktemp("notebooks").resolve()

    def execute_group(names: tuple[str, ...]) -> dict[str, Any]:
        return {name: execute(FOLDER / f"{name}.ipynb", folder, state=folder / ".state") for name in names}

    with ThreadPoolExecutor(len(_GROUPS)) as pool:
        found = {name: one for group in pool.map(execute_group, _GROUPS) for name, one in group.items()}
    if request.config.getoption("--rewrite"):
        for name, notebook in found.items():
            write(FOLDER / f"{name}.ipynb", notebook, folder=folder)
    return found


def test_each_is_in_a_group() -> None:
    """Else it would not be executed."""
    assert sorted(name for group in _GROUPS for name in group) == sorted(NAMES) == sorted(_CLAIMS)


@pytest.mark.parametrize("name", NAMES)
def test_outputs_are_of_the_kinds_that_are_kept(name: str, executed: dict[str, Any]) -> None:
    """The same cells have outputs, of the same kinds; no cell fails."""
    assert kinds(executed[name]) == kinds(read(FOLDER / f"{name}.ipynb"))


@pytest.mark.parametrize("name", NAMES)
def test_what_they_claim_is_so(name: str, executed: dict[str, Any], tmp_path: Path) -> None:
    """What a reader is promised is found in what was executed, and in what is kept."""
    for notebook in (executed[name], read(FOLDER / f"{name}.ipynb")):
        text = "\n".join(texts(notebook))
        assert [claim for claim in _CLAIMS[name] if not re.search(claim, text)] == [], text
