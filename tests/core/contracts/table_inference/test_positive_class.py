"""Which class is the positive one."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.core.base.errors import InputError
from headrace.core.contracts.table_inference.positive_class import PositiveClass, choose

# The positive class first.
MEANT = [
    *(("+", "-"), ("yes", "no"), ("Y", "N"), ("TRUE", "FALSE"), ("t", "f"), ("1", "0"), ("1.0", "0.0"), ("1", "-1")),
    *(("2", "0"), ("ja", "nein"), ("Ja", "Nee"), ("oui", "non"), ("O", "N"), ("sí", "no"), ("Si", "No"), ("S", "N")),
    *(("sim", "não"), ("да", "нет"), ("Да", "Нет"), ("tak", "nie"), ("ano", "ne"), ("evet", "hayır"), ("ναι", "όχι")),  # noqa: RUF001
    *(("はい", "いいえ"), ("是", "否"), ("예", "아니오"), ("نعم", "لا"), ("כן", "לא"), ("हाँ", "नहीं"), ("igen", "nem")),
    *(("wahr", "falsch"), ("vrai", "faux"), ("verdadero", "falso"), ("positive", "negative"), ("pos", "neg")),
    *(("bad", "good"), ("default", "paid"), ("Churned", "Stayed"), ("churn", "no churn"), ("spam", "ham")),
    *(("fraud", "legit"), ("malignant", "benign"), ("ill", "healthy"), ("died", "survived"), ("fail", "ok")),
    *(("schlecht", "gut"), ("krank", "gesund"), ("failure", "normal"), ("anomaly", "normal"), ("case", "control")),
    *(("Smoker", "non-smoker"), ("Raucher", "kein Raucher"), ("present", "absent"), (" Yes ", "No")),
    *(("✓", "✗"), ("subscribed", "not subscribed"), ("abnormal", "normal"), ("on", "off"), ("unpaid", "paid")),
]


@pytest.mark.parametrize(("positive", "negative"), MEANT)
def test_the_positive_class_is_known_by_its_meaning(positive: str, negative: str) -> None:
    """In whatever language and order, and whichever is the rarer one."""
    for names, few in itertools.product([(positive, negative), (negative, positive)], [positive, negative]):
        found = choose(names, rows={name: 10 if name == few else 90 for name in names})
        assert found == PositiveClass(positive, "meaning")


@pytest.mark.parametrize(
    "names",
    [("<=50K", ">50K"), ("M", "B"), ("m", "f"), ("1", "2"), ("left", "right"), ("success", "failure"), ("", "x")],
)
def test_else_it_is_the_rarer_one(names: tuple[str, str]) -> None:
    """Codes, letters and words that mean neither yes nor no: whoever asks looks for what is rare."""
    for few in names:
        assert choose(names, rows={name: 10 if name == few else 90 for name in names}) == PositiveClass(few, "rarer")


def test_of_equally_many_it_is_the_last() -> None:
    """Where nothing tells, the order does."""
    assert choose(("a", "b"), rows={"a": 5, "b": 5}) == PositiveClass("b", "last")


@given(st.lists(st.text(), min_size=2, max_size=2, unique=True), st.integers(0, 9), st.integers(0, 9))
def test_the_choice_is_one_of_the_classes_in_either_order(names: list[str], few: int, many: int) -> None:
    """Whatever the texts: unless only the order decides, it decides nothing."""
    rows = dict(zip(names, (few, many), strict=True))
    found = choose(names, rows=rows)
    assert found.name in names
    if found.why != "last":
        assert choose(names[::-1], rows=rows) == found


def test_a_person_knows_better() -> None:
    """Who names the class gets it; who names none of them is told which there are."""
    assert choose(("no", "yes"), rows={}, positive="no") == PositiveClass("no", "given")
    with pytest.raises(InputError, match=r"one of \['no', 'yes'\]; got 'maybe'"):
        choose(("no", "yes"), rows={}, positive="maybe")
