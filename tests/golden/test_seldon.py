"""What is written for Seldon, as files of this repository; `tests/serving/seldon` applies them to an API server."""

from pathlib import Path

import pytest

from headrace.serving.seldon import core2, v1
from headrace.serving.seldon.export import render
from headrace.serving.seldon.target import PublishedModel, SeldonModels, SeldonTarget

GOLDEN = Path(__file__).parent / "seldon"


def _version(digit: str) -> PublishedModel:
    return PublishedModel("heart", digit * 64, f"s3://headrace/models/heart/{digit * 64}/")


MAIN = SeldonModels(_version("0"))
ROLLOUT = SeldonModels(_version("0"), _version("1"), _version("2"))
WHOLE = SeldonTarget(
    namespace="models",
    image="registry.example/mlserver-headrace:1",
    replicas=2,
    secret="models-store",
    candidate_percent=25,
    mirror_percent=50,
    detectors=("drift", "outlier"),
    explainer=True,
    window_rows=500,
)
DOCUMENTS = {
    "core2-model": core2.build(MAIN, SeldonTarget()),
    "core2-pipeline-and-experiment": core2.build(ROLLOUT, WHOLE),
    "core2-mirror": core2.build(SeldonModels(_version("0"), mirror=_version("2")), SeldonTarget(name="tumours")),
    "v1-deployment": v1.build(MAIN, SeldonTarget(image="registry.example/mlserver-headrace:1")),
    "v1-detectors-and-traffic": v1.build(ROLLOUT, WHOLE),
}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_manifests_are_current(name: str, request: pytest.FixtureRequest) -> None:
    """What is written now is what lies here."""
    text = render(DOCUMENTS[name])
    path = GOLDEN / f"{name}.yaml"
    if request.config.getoption("--rewrite"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    assert path.exists(), "run `make compiled`"
    assert path.read_text() == text, "run `make compiled` and read the diff"
