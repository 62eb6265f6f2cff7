"""Programs for Spark that are the guide's own lines, with this machine's addresses."""

import re
import textwrap
from collections.abc import Mapping
from pathlib import Path

from tests.conftest import REPOSITORY

GUIDE = REPOSITORY / "docs" / "guides" / "streams.md"
_BEGIN = """
from pyspark.sql import SparkSession

import headrace.api as hr

spark = SparkSession.builder.getOrCreate()
"""


def block(words: str) -> str:
    """The guide's only block of Python that holds some words."""
    blocks = re.findall(r"^ *```python\n(.*?)^ *```", GUIDE.read_text(), re.DOTALL | re.MULTILINE)
    (found,) = [textwrap.dedent(one) for one in blocks if words in one]
    return found


def program(*parts: str, replaced: Mapping[str, str], path: Path) -> Path:
    """Write a program of several parts, each text of the guide replaced by one of this machine.

    Args:
        parts: The parts.
        replaced: What stands for each text, all of which must be there.
        path: Where it is written.
    """
    text = "\n".join((_BEGIN, *parts))
    for name, value in replaced.items():
        assert name in text
        text = text.replace(name, value)
    path.write_text(text)
    return path
