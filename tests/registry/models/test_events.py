"""The journal's entries."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.core.base.errors import DataError, InputError
from headrace.registry.mlflow.base import in_order, key
from headrace.registry.models.entry_list import EntryList
from headrace.registry.models.events import LONGEST_TEXT, JournalEntry
from headrace.registry.models.state import ModelState, fold
from tests.properties import examples

_ENTRIES = st.builds(
    JournalEntry,
    action=st.sampled_from(["register", "promote", "approve"]),
    by=st.text(max_size=20),
    reason=st.text(max_size=200),
    version=st.integers(0, 999),
    stage=st.sampled_from(["", "production"]),
    facts=st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=20), max_size=3),
)


def _written(entries: list[JournalEntry]) -> list[str]:
    texts: list[str] = []
    for entry in entries:
        texts.append(entry.after(texts).text())
    return texts


@examples(40)
@given(st.lists(_ENTRIES, max_size=6))
def test_a_journal_is_read_back(entries: list[JournalEntry]) -> None:
    """Every entry comes back in its place, with what it held."""
    found = EntryList(_written(entries), "m")
    assert [entry.number for entry in found] == list(range(1, len(entries) + 1))
    assert [replace(entry, number=0, before="") for entry in found] == entries


@examples(40)
@given(st.lists(_ENTRIES, min_size=2, max_size=5), st.data())
def test_an_altered_journal_is_found(entries: list[JournalEntry], data: st.DataObject) -> None:
    """A changed reason, a lost entry, or two that have changed places break the chain of digests."""
    texts = _written(entries)
    place = data.draw(st.integers(0, len(texts) - 2))
    changed = json.loads(texts[place])
    changed["reason"] += "!"
    forged = [*texts[:place], json.dumps(changed, sort_keys=True, ensure_ascii=False), *texts[place + 1 :]]
    swapped = [*texts[:place], texts[place + 1], texts[place], *texts[place + 2 :]]
    for bad in (forged, texts[:place] + texts[place + 1 :], swapped):
        with pytest.raises(DataError, match="was altered"):
            EntryList(bad, "m")


@examples(40)
@given(st.lists(_ENTRIES, min_size=1, max_size=6))
def test_who_is_concerned_is_seen_without_parsing(entries: list[JournalEntry]) -> None:
    """Action and version of each entry, whatever the texts in it hold; the last one alone is parsed for a check."""
    found = EntryList(_written(entries), "m")
    assert list(found._parsed) == [len(entries) - 1]
    assert found.heads == [(entry.action, entry.version) for entry in entries]
    assert found[-2:] == tuple(found)[-2:]


def test_an_entry_in_another_notation_is_parsed() -> None:
    """JSON with other blanks is the same entry."""
    texts = _written([JournalEntry("register", "ann", version=3, facts={"version": "1.0.0", "digest": "abcdef12"})])
    found = EntryList([json.dumps(json.loads(texts[0]), separators=(",", ":"))], "m")
    assert found.heads == [("register", 3)]
    assert fold("m", found).find("1.0.0") == fold("m", found).find("abcdef12") == fold("m", found).find("3")


_FACTS = st.fixed_dictionaries(
    {"version": st.sampled_from(["1.0.0", "1.1.0", "2.0.0"]), "digest": st.text("ab12", min_size=6)}
)
_LIFE = st.lists(
    st.builds(
        JournalEntry,
        action=st.sampled_from(["promote", "approve", "archive", "restore", "rollback", "rollout", "decision"]),
        by=st.just("ann"),
        version=st.integers(1, 3),
        stage=st.sampled_from(["staging", "production"]),
    )
)


@examples(40)
@given(st.lists(_FACTS, min_size=3, max_size=3), _LIFE)
def test_the_state_of_a_journal_is_that_of_its_entries(facts: list[dict[str, str]], life: list[JournalEntry]) -> None:
    """Whether versions are made of checked texts, as they are looked at, or of all entries."""
    registered = [
        JournalEntry("register", "ann", version=number, facts=its) for number, its in enumerate(facts, start=1)
    ]
    journal = EntryList(_written([*registered, *life]), "m")
    lazy, eager = fold("m", journal), fold("m", list(journal))
    whole = ModelState("m", tuple(eager.versions), eager.stages, eager.stage_history, eager.entries)
    assert (lazy.stages, lazy.stage_history, list(lazy.versions)) == (
        whole.stages,
        whole.stage_history,
        [*whole.versions],
    )
    for its in facts:
        assert lazy.with_digest(its["digest"]) == whole.with_digest(its["digest"])
        assert lazy._matching(its["version"]) == whole._matching(its["version"])
        assert lazy._matching(its["digest"]) == whole._matching(its["digest"])
    assert [lazy.number(number) for number in range(5)] == [whole.number(number) for number in range(5)]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("no JSON", "must be JSON"),
        ("[]", "must be JSON"),
        ('{"format": 2}', "newer headrace"),
        ('{"format": 1, "action": "sing", "by": "x"}', "newer headrace"),
        ('{"format": 1, "action": "promote", "by": "x", "mood": "good"}', "newer headrace"),
    ],
)
def test_an_entry_from_the_future_is_told(text: str, says: str) -> None:
    """What this version does not understand is not guessed at."""
    with pytest.raises(DataError, match=says):
        EntryList([text], "m")


def test_what_is_too_long_is_refused() -> None:
    """MLflow would cut it without a word."""
    with pytest.raises(InputError, match="at most 1000 characters; it has 1001"):
        JournalEntry("promote", "ann", "x" * 1001)
    with pytest.raises(InputError, match="at most 6000 characters"):
        JournalEntry("promote", "ann", facts={"a": "x" * LONGEST_TEXT}).text()


def test_a_gap_in_the_numbers_is_told() -> None:
    """An entry that is absent between others is no end of the journal."""
    assert in_order({key(2): "b", key(1): "a", "other": "c"}, "m") == ["a", "b"]
    with pytest.raises(DataError, match="lacks an entry"):
        in_order({key(1): "a", key(3): "c"}, "m")
