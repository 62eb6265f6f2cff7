"""The profile of a table as a page."""

import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from headrace.core.base.errors import MissingError
from headrace.core.contracts import contract_yaml
from headrace.core.contracts.contract import Column, Contract
from headrace.core.tables import parquet_table
from headrace.reports.profile.page import profile_table


@pytest.fixture(scope="module")
def page(made: Any, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The profile of the made-up table."""
    path = tmp_path_factory.mktemp("profile") / "profile.html"
    profile_table(str(made.paths.table), contract=str(made.paths.contract), page=str(path))
    return path.read_text()


def test_the_page_shows_every_kind_of_column(page: str) -> None:
    """Each column has a card, with a picture where there is something to draw."""
    assert page.count('<article class="card"') == 8
    for text in ("Every value is missing", "holds personal data", "identifies rows", "Rank correlation", "years"):
        assert text in page


def test_the_page_is_harmless_and_whole(page: str) -> None:
    """Nothing acts, nothing is loaded, no personal value is shown."""
    assert "<script" not in page.lower()
    assert not re.search(r'(?:src|href)="(?!#)', page)
    assert "&lt;script&gt;alert" in page
    assert "@example.org" not in page
    assert "id-00" not in page


def test_links_lead_somewhere(page: str) -> None:
    """Each link of the page has its target on the page."""
    ids = set(re.findall(r'id="([^"]+)"', page))
    assert set(re.findall(r'href="#([^"]+)"', page)) <= ids


def test_a_missing_table_is_told(made: Any, tmp_path: Path) -> None:
    """The sentence names the folder."""
    with pytest.raises(MissingError, match="nowhere"):
        profile_table(str(tmp_path / "nowhere"), contract=str(made.paths.contract), page=str(tmp_path / "p.html"))


@pytest.mark.parametrize("step", [0.0, 1e-17, 1e-16, 1e-15, 5e-324, 1e300])
def test_values_however_close_or_far_apart_are_drawn(tmp_path: Path, step: float) -> None:
    """NumPy's histogram raises where fewer numbers than bins lie between the ends (seen with numpy 2.x)."""
    values = [0.1 + step * place for place in range(90)] if step > 1e-300 else [step * place for place in range(90)]
    with parquet_table.TableWriter(tmp_path / "table") as writer:
        writer.write(pl.DataFrame({"x": values, "y": [0, 1] * 45}))
    columns = (Column("x", "number"), Column("y", "integer", role="target", categories=("0", "1")))
    contract = Contract(name="close", task="binary", positive="1", columns=columns)
    (tmp_path / "contract.yaml").write_text(contract_yaml.dump(contract))
    paths = {"contract": str(tmp_path / "contract.yaml"), "page": str(tmp_path / "profile.html")}
    profile_table(str(tmp_path / "table"), **paths)
    assert (tmp_path / "profile.html").read_text().count('<article class="card"') == 2


def test_a_large_table_is_profiled_quickly(tmp_path: Path) -> None:
    """100,000 rows of 30 columns take seconds, process start and imports included, and give a small page."""
    rng = np.random.default_rng(0)
    rows, numbers, texts = 100_000, [f"x{i}" for i in range(20)], [f"c{i}" for i in range(9)]
    data: dict[str, Any] = {name: rng.normal(size=rows) for name in numbers}
    data |= {name: rng.choice(list("abcdefgh"), rows) for name in texts}
    data["y"] = (data["x0"] + rng.normal(size=rows) > 0).astype(int)
    with parquet_table.TableWriter(tmp_path / "table") as writer:
        writer.write(pl.DataFrame(data))
    columns = [Column(name, "number") for name in numbers]
    columns += [Column(name, "string", categories=tuple("abcdefgh")) for name in texts]
    columns += [Column("y", "integer", role="target", categories=("0", "1"))]
    contract = Contract(name="large", task="binary", positive="1", columns=tuple(columns))
    (tmp_path / "contract.yaml").write_text(contract_yaml.dump(contract))
    code = (
        "import sys; from headrace.reports.profile.page import profile_table; "
        "profile_table(sys.argv[1], contract=sys.argv[2], page=sys.argv[3]); "
        "assert 'matplotlib' not in sys.modules"
    )
    paths = [str(tmp_path / name) for name in ("table", "contract.yaml", "profile.html")]
    began = time.monotonic()
    subprocess.run([sys.executable, "-c", code, *paths], check=True)
    assert time.monotonic() - began < 100  # 2 s on an idle machine
    assert (tmp_path / "profile.html").stat().st_size < 500_000
