"""Quantities as Kubernetes writes them."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.cluster.api.quantities import number
from headrace.core.base.errors import InputError


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", "1"),
        ("250m", "0.25"),
        ("1.5", "1.5"),
        (".5", "0.5"),
        ("4Gi", str(4 * 2**30)),
        ("4G", "4000000000"),
        ("1.5Mi", str(1.5 * 2**20)),
        ("2e3", "2000"),
        ("1E", "1000000000000000000"),
        (2, "2"),
        ("100n", "0.0000001"),
    ],
)
def test_what_a_quantity_stands_for(text: object, value: str) -> None:
    """Decimal and binary units, exponents and plain numbers."""
    assert number(text) == Decimal(value)


@pytest.mark.parametrize("text", ["", "lots", "1 Gi", "4GB", "Gi", "1..2", None])
def test_what_is_no_quantity(text: object) -> None:
    """It is said how one is written."""
    with pytest.raises(InputError, match="500m, 2 or 4Gi"):
        number(text)


@given(st.integers(0, 10**9), st.sampled_from(["", "m", "k", "Ki", "M", "Mi", "G", "Gi"]))
def test_a_larger_number_is_a_larger_quantity(count: int, unit: str) -> None:
    """Whatever the unit."""
    assert number(f"{count}{unit}") < number(f"{count + 1}{unit}")
