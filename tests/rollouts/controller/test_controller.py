"""The way of a rollout, with played traffic, counters and time, and a real record."""

from collections.abc import Callable
from pathlib import Path

import pytest

from headrace.core.base.errors import ClusterError, HeadraceError, InputError
from headrace.rollouts.controller import start
from headrace.rollouts.controller.controller import MAX_FAILED_POLLS, RolloutController
from headrace.rollouts.record.record import RolloutPlan, RolloutRecord
from headrace.rollouts.record.record_store import FileRecordStore, RolloutCommand, TakenOverError
from tests.rollouts.played import CANDIDATE, STABLE, Played, record

PLAN = RolloutPlan(
    steps=(5, 25, 50, 100),
    step_requests=100,
    step_duration_seconds=30,
    step_timeout_seconds=3000,
    poll_interval_seconds=10,
)


def engine(played: Played, folder: Path, say: Callable[[str], None] = lambda _: None) -> RolloutController:
    """What goes on with a rollout."""
    return RolloutController(played, played, FileRecordStore(folder), say=say, sleep=played.sleep, clock=played.clock)


def first(plan: RolloutPlan = PLAN) -> RolloutRecord:
    """A rollout that begins."""
    return record(plan, slow_seconds=None)


def kept(folder: Path) -> RolloutRecord:
    """What is known of a rollout by others."""
    found = FileRecordStore(folder).load()
    assert found is not None
    return found.record


def wishing(folder: Path, wishes: dict[int, RolloutCommand]) -> Callable[[int], None]:
    """Somebody who says what they want at some looks."""
    return lambda look: FileRecordStore(folder).send_command(wishes[look]) if look in wishes else None


def test_a_good_candidate_takes_all_steps(tmp_path: Path) -> None:
    """Each share in turn, then it takes over; the record tells all of it."""
    played = Played()
    ended = engine(played, tmp_path).run(first())
    assert played.done == ["prepare", "split 5", "split 25", "split 50", "promote"]
    assert (ended.status, ended.url) == ("promoted", "http://heart")
    assert [one.decision for one in ended.steps] == ["continue", "continue", "promote"]
    assert all(one.ended and one.reason and one.seconds >= 30 for one in ended.steps)
    assert ended.slow_seconds == 0.01, "from the lifetime of the stable version"
    assert kept(tmp_path) == ended


def test_a_bad_candidate_goes_back_at_once(tmp_path: Path) -> None:
    """Its first share is its last."""
    played = Played(errors=0.3)
    ended = engine(played, tmp_path).run(first())
    assert played.done == ["prepare", "split 5", "restore"]
    assert ended.status == "rolled_back"
    assert ended.steps[0].polls == 1
    assert "requests that failed" in ended.reasons[0]


def test_a_plan_of_one_step_is_no_rollout(tmp_path: Path) -> None:
    """The whole traffic at once."""
    played = Played()
    assert engine(played, tmp_path).run(first(RolloutPlan(steps=(100,)))).status == "promoted"
    assert played.done == ["prepare", "promote"]


def test_somebody_pauses_resumes_and_aborts(tmp_path: Path) -> None:
    """Paused, it waits however good it looks; resumed it goes on; aborted it goes back."""
    played = Played(at_look=wishing(tmp_path, {2: "pause", 60: "resume", 62: "abort"}))
    ended = engine(played, tmp_path).run(first())
    assert ended.status == "aborted"
    assert played.polls == 62
    assert [one.percent for one in ended.steps] == [5, 25]
    assert ended.steps[0].polls >= 60
    told = " ".join(one.text for one in ended.history)
    assert told.index("paused it") < told.index("resumed it") < told.index("aborted it")
    assert played.done[-1] == "restore"


def test_a_paused_candidate_that_turns_bad_goes_back(tmp_path: Path) -> None:
    """Nobody needs to be there for that."""
    played = Played()

    def look(number: int) -> None:
        wishing(tmp_path, {1: "pause"})(number)
        played.errors = 0.5 if number > 20 else 0.0

    played.at_look = look
    ended = engine(played, tmp_path).run(first())
    assert ended.status == "rolled_back"


@pytest.mark.parametrize(("wish", "status"), [("pause", "aborted"), ("abort", "aborted")])
def test_a_wish_is_heard_at_the_moment_of_a_decision(tmp_path: Path, wish: RolloutCommand, status: str) -> None:
    """Neither a pause nor an abort is lost because a step passes in that very moment."""
    memory = FileRecordStore(tmp_path)
    said = []

    class Late(FileRecordStore):
        def save(self, changed: RolloutRecord) -> RolloutCommand:
            decided = bool(changed.steps) and changed.steps[-1].decision == "promote"
            if decided and not said:
                said.append(wish)
                memory.send_command(wish)
            return super().save(changed)

    played = Played()
    played.at_look = lambda number: memory.send_command("abort") if said and number > 30 else None
    late = RolloutController(played, played, Late(tmp_path), sleep=played.sleep, clock=played.clock)
    assert late.run(first()).status == status
    assert "promote" not in played.done


def test_a_candidate_that_does_not_come_up_fails(tmp_path: Path) -> None:
    """The stable version answers alone, and the record says why."""
    played = Played(broken={"prepare": ClusterError("it crashes.")})
    with pytest.raises(ClusterError, match="it crashes"):
        engine(played, tmp_path).run(first())
    assert played.done == ["prepare", "restore"]
    assert (kept(tmp_path).status, kept(tmp_path).reasons) == ("failed", ("it crashes.",))


def test_what_cannot_be_put_back_is_told(tmp_path: Path) -> None:
    """Both sentences stand in the record."""
    played = Played(broken={"split": ClusterError("no."), "restore": ClusterError("not either.")})
    with pytest.raises(ClusterError, match="no"):
        engine(played, tmp_path).run(first())
    assert kept(tmp_path).reasons == ("no.", "the stable version could not be restored: not either.")


def test_an_interrupted_rollout_is_held_and_gone_on_with(tmp_path: Path) -> None:
    """The candidate gets nothing meanwhile; what was counted before counts on."""
    played = Played()

    def interrupt(number: int) -> None:
        if number == 8:
            raise KeyboardInterrupt

    played.at_look = interrupt
    with pytest.raises(KeyboardInterrupt):
        engine(played, tmp_path).run(first())
    held = kept(tmp_path)
    assert (held.status, played.percent) == ("held", 0)
    assert played.done[-1] == "split 0"
    again = Played()
    parts = start.RolloutParts("heart", "local", "", again, lambda _: again, FileRecordStore(tmp_path))
    other = RolloutController(again, again, parts.store, sleep=again.sleep, clock=again.clock)
    ended = other.run(held)
    assert ended.status == "promoted"
    assert again.done == ["prepare", f"split {held.steps[-1].percent}", *again.done[2:]]
    assert ended.steps[0] == held.steps[0], "a step that has passed is not taken again"


def test_an_interrupted_promotion_is_finished(tmp_path: Path) -> None:
    """No share is changed in the middle of it."""
    played = Played(broken={"promote": KeyboardInterrupt()})
    with pytest.raises(KeyboardInterrupt):
        engine(played, tmp_path).run(first())
    assert played.done[-2:] == ["split 50", "promote"]
    held = kept(tmp_path)
    assert held.status == "held"
    again = Played()
    assert engine(again, tmp_path).run(held).status == "promoted"
    assert again.done == ["promote"]


def test_what_was_decided_is_done_by_whoever_goes_on(tmp_path: Path) -> None:
    """A process that died while it promoted or took back is followed without looking again."""
    for decision, act in (("promote", "promote"), ("rollback", "restore"), ("abort", "restore")):
        played = Played()
        ended = engine(played, tmp_path / "a").run(first())
        last = ended.steps[-1].model_copy(update={"decision": decision, "reason": "so it was"})
        died = ended.model_copy(update={"status": "running", "steps": (*ended.steps[:-1], last), "ended": ""})
        again = Played()
        assert engine(again, tmp_path / decision).run(died).reasons == ("so it was",)
        assert again.done == [act]


def test_who_is_taken_over_stops_without_touching_anything(tmp_path: Path) -> None:
    """Two processes never divide the same requests."""
    played = Played()
    played.at_look = lambda number: FileRecordStore(tmp_path).own(first()) if number == 2 else None
    with pytest.raises(TakenOverError, match="another process"):
        engine(played, tmp_path).run(first())
    assert played.done == ["prepare", "split 5"]


def test_who_slept_while_another_went_on_divides_nothing(tmp_path: Path) -> None:
    """It asks before each act, and not only when it writes: before a share, a promotion, and before it takes back."""
    for act in ("split 5", "promote", "restore"):
        played = Played(errors=0.3 if act == "restore" else 0.0)
        folder = tmp_path / act.replace(" ", "-")

        class Slept(FileRecordStore):
            def save(self, changed: RolloutRecord) -> RolloutCommand:
                said = super().save(changed)
                if changed.decided:  # the next thing is an act
                    FileRecordStore(self.folder).own(changed)
                return said

        def taken(text: str, folder: Path = folder) -> None:
            if text.startswith("5 %"):
                FileRecordStore(folder).own(first())

        slept = RolloutController(played, played, Slept(folder), sleep=played.sleep, clock=played.clock)
        slept.say = taken if act == "split 5" else slept.say
        with pytest.raises(TakenOverError, match="another process"):
            slept.run(first())
        assert act not in played.done


def test_who_fails_after_another_went_on_takes_nothing_back(tmp_path: Path) -> None:
    """What is wrong with its own look is not the other's matter."""
    played = Played(broken={"split": ClusterError("no.")})

    def taken(text: str) -> None:
        if text.startswith("5 %"):
            FileRecordStore(tmp_path).own(first())

    class Deaf(FileRecordStore):
        deaf = True

        def renew(self) -> None:
            if self.deaf:
                self.deaf = False
                raise ClusterError("it does not answer.", "unreachable")
            super().renew()

    deaf = RolloutController(played, played, Deaf(tmp_path), say=taken, sleep=played.sleep, clock=played.clock)
    with pytest.raises(TakenOverError, match="another process"):
        deaf.run(first())
    assert played.done == ["prepare", "split 5"]


def test_a_rollout_that_nobody_watches_is_held_by_another(tmp_path: Path) -> None:
    """The candidate gets nothing until it is resumed, and whoever watched it before can not write any more."""
    before, played = FileRecordStore(tmp_path), Played(percent=25)
    before.own(first())
    held = engine(played, tmp_path).hold(first())
    assert (held.status, played.done, played.percent) == ("held", ["split 0"], 0)
    assert kept(tmp_path) == held
    assert held.history[-1].text.startswith("no process watched it any more")
    with pytest.raises(TakenOverError):
        before.save(first())
    assert engine(Played(), tmp_path).run(kept(tmp_path)).status == "promoted"


def test_a_share_that_cannot_be_taken_back_is_not_called_held(tmp_path: Path) -> None:
    """Neither by who was interrupted nor by who tidies: it is tried again."""
    played = Played()

    def interrupt(number: int) -> None:
        if number == 8:
            played.broken["split"] = ClusterError("not now.")
            raise KeyboardInterrupt

    played.at_look = interrupt
    with pytest.raises(KeyboardInterrupt):
        engine(played, tmp_path).run(first())
    left = kept(tmp_path)
    assert left.status == "running"
    assert left.history[-1].text.endswith("the candidate's share could not be taken back: not now.")
    with pytest.raises(ClusterError, match="not now"):
        engine(played, tmp_path).hold(left)
    assert kept(tmp_path).status == "running"
    del played.broken["split"]
    assert engine(played, tmp_path).hold(left).status == "held"


def test_a_blind_moment_is_borne_but_not_blindness(tmp_path: Path) -> None:
    """A few looks may fail; a candidate that nobody sees any more is sent back."""
    played = Played()
    played.at_look = lambda number: setattr(played, "blind", MAX_FAILED_POLLS - 1) if number == 1 else None
    assert engine(played, tmp_path / "a").run(first()).status == "promoted"
    blind = Played()
    blind.at_look = lambda number: setattr(blind, "blind", MAX_FAILED_POLLS) if number == 1 else None
    with pytest.raises(HeadraceError, match="nothing answers"):
        engine(blind, tmp_path / "b").run(first())
    assert kept(tmp_path / "b").status == "failed"
    assert blind.done[-1] == "restore"


def test_who_cannot_see_does_not_begin(tmp_path: Path) -> None:
    """Nothing is brought up if the stable version's servers cannot be read."""
    played = Played(blind=1)
    parts = start.RolloutParts("heart", "local", "", played, lambda _: played, FileRecordStore(tmp_path))
    with pytest.raises(HeadraceError, match="nothing answers"):
        start.begin(parts, PLAN, say=str)
    assert played.done == []
    assert FileRecordStore(tmp_path).load() is None


def test_a_record_that_cannot_be_written_for_a_moment_is_borne(tmp_path: Path) -> None:
    """An API server that is restarted does not send a good candidate back."""
    played = Played()

    class Flaky(FileRecordStore):
        def save(self, changed: RolloutRecord) -> RolloutCommand:
            if played.polls in {2, 3}:
                raise ClusterError("it does not answer.", "unreachable")
            return super().save(changed)

    flaky = RolloutController(played, played, Flaky(tmp_path), sleep=played.sleep, clock=played.clock)
    assert flaky.run(first()).status == "promoted"


def test_a_second_one_is_refused_and_none_is_not_gone_on_with(tmp_path: Path) -> None:
    """Both sentences name the way out."""
    played = Played()
    parts = start.RolloutParts("heart", "local", "", played, lambda _: played, FileRecordStore(tmp_path))
    with pytest.raises(InputError, match="no rollout of heart is under way: start one"):
        start.resume(parts, say=str)
    parts.store.own(first())
    with pytest.raises(InputError, match=r"is under way \(running since then\): see it with --status"):
        start.begin(parts, PLAN, say=str)
    assert start.abort(parts).status == "aborted"
    with pytest.raises(InputError, match="the last one was aborted"):
        start.abort(parts)
    assert played.done == ["restore"]


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ({"steps": (5, 5, 100)}, "steps must rise"),
        ({"steps": (5, 50)}, "steps must rise"),
        ({"steps": (0, 100)}, "steps must rise"),
        ({"alpha": 1.5}, "alpha"),
        ({"tolerances": {"latency": 0.5}}, "latency"),
        ({"tolerances": {"speed": 1}}, "speed"),
        ({"on_timeout": "maybe"}, "on_timeout"),
    ],
)
def test_a_plan_that_cannot_be_is_refused(wanted: dict[str, object], said: str) -> None:
    """In one sentence that names the place and the value."""
    with pytest.raises(InputError, match=said) as caught:
        start.make_plan(**wanted)
    assert str(caught.value).endswith("instead.")
    assert (STABLE.digest, CANDIDATE.digest) == ("a" * 64, "b" * 64)
