"""The Java library and Python side by side: one Java process answers all requests of a test run."""

import json
import struct
import subprocess
from pathlib import Path
from typing import Any, Self

import numpy as np

from headrace.core.base.errors import DataError, RequestError
from headrace.core.contracts.contract import Contract
from headrace.core.inference.request_encoder import RequestEncoder
from headrace.core.inference.scorer import Scorer
from headrace.core.jvm_export.scoring_plan import build_plan
from tests.jvm.java_parts import JAVA, compile_java, library

SERVER = Path(__file__).parent / "java" / "headrace" / "jvm" / "ComparisonServer.java"


class JavaServer:
    """The process ``ComparisonServer``."""

    def __init__(self, folder: Path) -> None:
        """Compile and start it."""
        jar = str(library())
        classes = compile_java(folder, SERVER, classpath=jar)
        self._process = subprocess.Popen(
            [*JAVA, "-cp", f"{classes}:{jar}", "headrace.jvm.ComparisonServer"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the process: it ends with its input."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(timeout=30)
        self._process.stdout.close()

    def ask(self, **request: Any) -> dict[str, Any]:
        """Send one request that must not fail, and return its answer."""
        answer = self.answer(**request)
        assert "failure" not in answer, answer
        return answer

    def answer(self, **request: Any) -> dict[str, Any]:
        """Send one request, and return its answer."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(_dumps(request) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer

    def take_contract(self, name: str, contract: Contract) -> None:
        """Let it encode rows of a contract, without a model."""
        scorer = Scorer(contract, engine=None, threshold=0.5, name=name, digest="", family="")  # type: ignore[arg-type]
        self.ask(name=name, plan=build_plan(scorer, engine="onnx"))

    def encode(self, name: str, row: dict[str, Any]) -> "tuple[str, Any]":
        """Encode a row: the rule that it breaks, or the bits of its numbers."""
        answer = self.ask(use=name, row=row)
        return ("refused", answer["rule"]) if "rule" in answer else ("encoded", answer["bits"])


_LARGE = "a number beyond float64"


def _dumps(request: dict[str, Any]) -> str:
    """Write JSON, in which an infinity can only come from a number such as 1e400."""
    row = {name: _LARGE if value == np.inf else value for name, value in request.get("row", {}).items()}
    return json.dumps({**request, "row": row}).replace(f'"{_LARGE}"', "1e400")


def encode_in_python(encoder: RequestEncoder, row: dict[str, Any]) -> tuple[str, Any]:
    """The same by Python; an infinity is found when the matrix is made, if no rule looks for it."""
    try:
        matrix = encoder.encode_rows([row]).matrix
    except RequestError as error:
        return "refused", error.reason
    except DataError:
        return "refused", "finite"
    return "encoded", [None if np.isnan(number) else _bits(number) for number in matrix[0].tolist()]


def _bits(number: float) -> int:
    bits: int = struct.unpack(">q", struct.pack(">d", number))[0]
    return bits
