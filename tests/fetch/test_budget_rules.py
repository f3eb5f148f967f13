"""What one process of many may start: never more than the limit, fair shares, one probe."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, TypeAlias, TypedDict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manifests.fetch.budget import Ask, Reply, read_reply
from manifests.fetch.budget_rules import settle, water_level
from manifests.fetch.budget_state import State, read_state, write_state

if TYPE_CHECKING:
    from typing import Unpack

BORN = 1_790_000_000.0


class Said(TypedDict, total=False):
    """What a process may say."""

    busy: int
    want: int
    ceiling: int
    epoch: str
    at: float
    rate: float
    good: int
    failed: int
    lost: int
    refused: float
    hold: float
    ill: float
    quota: tuple[tuple[int, float, float], ...]
    leaves: bool


@dataclass(slots=True)
class Keeper:
    """A budget on a clock that stands still until it is moved."""

    state: State | None = None
    now: float = BORN
    replies: list[Reply] = field(default_factory=list)

    def hear(self, member: str, *, later: float = 0.0, **said: Unpack[Said]) -> Reply:
        """Hear a process, so many seconds later."""
        self.now += later
        ask = Ask(member=member, **said)
        self.state, reply = settle(self.state, ask, now=self.now)
        self.replies.append(reply)
        return reply


@pytest.fixture
def keeper() -> Keeper:
    """A budget of a host that was found to bear eight at once."""
    return Keeper(state=State(born=BORN, epoch="of now", limit=8.0))


def test_places_are_shared_by_all(keeper: Keeper) -> None:
    """What one process has in flight is no other's."""
    assert keeper.hear("a", want=8).granted == 8
    assert keeper.hear("b", want=8).granted == 0


def test_it_begins_small_and_grows_while_it_is_used() -> None:
    """Of an unknown host four are in flight at first, and more as good answers come."""
    keeper = Keeper()
    assert keeper.hear("a", want=8).granted == 4
    assert keeper.hear("a", busy=2, good=2, want=8).granted == 3
    assert keeper.hear("a", busy=0, good=1, want=8).granted == 5, "it was not in use"
    assert keeper.hear("a", busy=3, good=9, want=8).granted == 5, "the ceiling stays"


def test_a_place_goes_to_who_has_less(keeper: Keeper) -> None:
    """A place that becomes free goes to the process that has fewer, not to who had it."""
    keeper.hear("a", want=8)
    keeper.hear("b", want=8)
    assert keeper.hear("a", busy=7, want=8).granted == 0
    assert keeper.hear("b", want=8).granted == 1


def test_a_small_demand_is_met_whole(keeper: Keeper) -> None:
    """Who wants less than an equal share gets it all, and the others share the rest."""
    keeper.hear("small", want=1, busy=0)
    keeper.hear("small", want=0, busy=1)
    keeper.hear("b", want=8, busy=0)
    assert keeper.hear("c", want=8).granted == 0
    assert keeper.hear("b", want=8, busy=3).granted == 0
    assert keeper.hear("c", want=8).granted == 3


def test_a_rest_goes_to_who_waits_longest(keeper: Keeper) -> None:
    """Of a single place for many, each gets its turn."""
    turns = []
    for name in "abc":
        keeper.hear(name, want=1, ceiling=1)
    holder = "a"
    for _ in range(6):
        keeper.hear(holder, busy=0, want=1, ceiling=1, later=0.1)
        for name in "abc":
            if keeper.hear(name, want=1, ceiling=1, later=0.01).granted:
                holder = name
                turns.append(name)
                break
    assert turns[:3] == turns[3:]
    assert sorted(turns[:3]) == ["a", "b", "c"]


def test_who_says_nothing_any_more_holds_nothing(keeper: Keeper) -> None:
    """A killed process frees its places within seconds."""
    keeper.hear("killed", want=8)
    assert keeper.hear("b", want=8, later=4.9).granted == 0
    assert keeper.hear("b", want=8, later=0.2).granted == 8
    assert keeper.replies[-1].alive == 1


def test_who_leaves_holds_nothing(keeper: Keeper) -> None:
    """A process that says goodbye frees its places at once."""
    keeper.hear("a", want=8)
    assert keeper.hear("a", leaves=True).granted == 0
    assert keeper.hear("b", want=8).granted == 8


def test_a_pause_that_one_heard_is_kept_by_all(keeper: Keeper) -> None:
    """While the host wants to be left alone nobody gets a lease."""
    keeper.hear("a", hold=3.0)
    reply = keeper.hear("b", want=1, later=1.0)
    assert (reply.granted, reply.hold, reply.wait) == (0, 2.0, 2.0)
    assert keeper.hear("b", want=1, later=2.1).granted == 1


def test_a_rate_spaces_the_starts_of_all(keeper: Keeper) -> None:
    """With a known rate each start has its turn, whoever makes it."""
    keeper.hear("a", rate=2.0)
    delays = [keeper.hear(name, want=1).delay for name in "abcd"]
    assert delays == [0.0, 0.0, 0.5, 1.0]  # a turn may be late by as much as a turn


def test_a_fast_rate_is_leased_in_batches(keeper: Keeper) -> None:
    """At 200 a second a lease holds what is due within a tenth of a second."""
    keeper.state = State(born=BORN, epoch="of now", limit=32.0)
    keeper.hear("a", rate=200.0)
    assert keeper.hear("a", want=32, ceiling=32).granted == 20
    assert keeper.hear("b", want=32, ceiling=32, later=0.1).granted == 10


def test_a_refusal_of_too_much_in_flight_cuts_the_limit(keeper: Keeper) -> None:
    """When the host refuses while all places are taken, fewer are given from then on."""
    keeper.hear("a", want=4)
    keeper.hear("b", want=4)
    keeper.hear("a", busy=3, good=0, refused=0.1, hold=0.25, later=1.0)
    assert keeper.state is not None
    assert keeper.state.limit == 7
    keeper.hear("b", busy=3, refused=0.9, hold=0.25)
    assert keeper.state.limit == 7, "what was sent before the cut is no news"
    keeper.hear("b", busy=3, good=2, later=1.0)
    assert keeper.state.limit == pytest.approx(7.1)
    assert keeper.hear("a", busy=3, want=5, later=1.0).granted == 1


def test_a_refusal_below_the_limit_cuts_the_rate(keeper: Keeper) -> None:
    """When few are in flight it is the rate: nine tenths of what all had answered."""
    for _ in range(30):
        keeper.hear("a", busy=1, good=1, later=0.1)
        keeper.hear("b", busy=1, good=1)
    rate = keeper.hear("a", busy=0, refused=0.05, hold=0.25).rate
    assert rate == pytest.approx(0.9 * 20, rel=0.05)
    assert keeper.hear("a", good=1, later=1.0).rate == pytest.approx(rate * 1.03)


def test_nothing_answered_means_nothing_measured(keeper: Keeper) -> None:
    """A refusal before any good answer leaves the rate alone: the holds must do."""
    assert keeper.hear("a", refused=0.1, hold=0.25).rate == 0


def test_after_a_long_pause_the_rate_stays(keeper: Keeper) -> None:
    """A host that imposed a long pause is asked as slowly for twice as long again."""
    keeper.hear("a", busy=8, good=5, later=1.0)
    rate = keeper.hear("a", busy=8, refused=0.1, hold=20.0, later=1.0).rate
    assert rate > 0
    assert keeper.hear("a", good=1, later=39.0).rate == rate
    assert keeper.hear("a", good=1, later=2.0).rate > rate


def test_a_spell_of_refusals_ends(keeper: Keeper) -> None:
    """Two cuts of the limit a spell; a calm begins another."""
    for busy in (7, 6, 5):
        keeper.hear("a", busy=busy, good=1, refused=0.1, hold=0.25, later=1.0)
    assert keeper.state is not None
    assert keeper.state.limit == pytest.approx(6.05)
    assert keeper.state.cuts == 2
    keeper.hear("a", busy=5, good=1, refused=0.1, hold=0.25, later=9.0)
    assert (keeper.state.limit, keeper.state.cuts) == (5, 1)


def test_a_counted_window_is_never_overspent(keeper: Keeper) -> None:
    """Leases are what is left, less all that is under way, until the window's end."""
    keeper.hear("a", busy=2, want=0, quota=((5, 10.0, 0.1),))
    assert keeper.hear("b", want=8).granted == 3
    denied = keeper.hear("c", want=8, later=1.0)
    assert (denied.granted, denied.wait) == (0, 1.0)
    assert keeper.hear("c", want=8, busy=0, later=9.1).granted > 0, "a new window began"


def test_an_answer_of_the_last_window_counts_in_this_one(keeper: Keeper) -> None:
    """A request from before the end may have been counted after it."""
    keeper.hear("a", busy=1, quota=((9, 1.0, 0.0),))
    keeper.hear("a", busy=1, later=1.1)
    assert keeper.state is not None
    assert keeper.state.remaining == 10
    keeper.hear("a", quota=((3, 0.1, 0.5),), later=0.2)
    assert keeper.state.remaining == 9
    keeper.hear("a", lost=2)
    assert keeper.state.remaining == 7


def test_a_word_that_comes_late_is_as_old_as_it_is(keeper: Keeper) -> None:
    """A process that hardly gets its turn does not tell of an older window as of this one."""
    known = keeper.hear("a", busy=1, quota=((9, 1.0, 0.0),))
    keeper.hear("a", busy=1, later=1.1)
    assert keeper.state is not None
    end = keeper.state.reset
    keeper.hear("a", epoch=known.epoch, at=1.0, quota=((3, 0.1, 0.5),), later=0.6)
    assert (keeper.state.remaining, keeper.state.reset) == (9, end)


def test_what_was_refused_before_a_cut_is_no_news_however_late(keeper: Keeper) -> None:
    """The word of a refusal may come long after one that was sent later."""
    known = keeper.hear("a", busy=3, good=3)
    keeper.hear("a", busy=3, refused=0.1, hold=0.3, later=1.0)
    assert keeper.state is not None
    cut_at = keeper.state.cut_at
    keeper.hear("b", epoch=known.epoch, at=1.0, refused=0.1, hold=0.1, later=1.0)
    assert keeper.state.cut_at == cut_at


def test_an_answer_may_prove_that_a_new_window_began(keeper: Keeper) -> None:
    """What is counted before the known reset, which is rounded up, is spent of the new window."""
    keeper.hear("a", busy=1, quota=((30, 1.0, 0.05),))
    keeper.hear("a", busy=1, quota=((3, 2.0, 0.05),), later=0.3)
    assert keeper.hear("b", want=8, later=1.0).granted == 2


def test_an_answer_that_was_overtaken_does_not_end_a_window(keeper: Keeper) -> None:
    """What was sent before a new window was heard of may tell of the old one, however late."""
    keeper.hear("a", busy=2, quota=((30, 1.0, 0.05),))
    keeper.hear("a", busy=1, quota=((39, 2.0, 0.5),), later=0.9)
    keeper.hear("b", quota=((1, 1.0, 0.4),), later=0.05)
    assert keeper.state is not None
    assert keeper.state.remaining == 38
    assert keeper.state.reset == pytest.approx(2.9)


def test_an_ill_host_gets_one_probe(keeper: Keeper) -> None:
    """Of all processes one may see whether a host is well again, and its answer opens it."""
    keeper.hear("a", ill=1.0)
    assert keeper.hear("b", want=8).granted == 0
    assert keeper.hear("b", want=8, later=1.1).granted == 1
    assert keeper.hear("c", want=8).granted == 0
    keeper.hear("b", busy=1)
    assert keeper.hear("c", want=8).granted == 0, "it is still under way"
    keeper.hear("b", busy=0, failed=1)
    assert keeper.hear("c", want=8, later=4.9).granted == 0
    assert keeper.hear("c", want=8, later=0.2).granted == 1
    assert keeper.hear("c", busy=0, good=1, want=8).granted == 8
    assert keeper.replies[-1].ill == -1


@pytest.mark.parametrize("ends", [{"busy": 0}, {"leaves": True}], ids=["unused", "left"])
def test_a_probe_that_tells_nothing_is_another_s(keeper: Keeper, ends: Said) -> None:
    """Where a probe was never sent, the next process may send one."""
    keeper.hear("a", ill=0.0)
    assert keeper.hear("b", want=8).granted == 1
    keeper.hear("b", **ends)
    assert keeper.hear("c", want=8, later=0.1).granted == 1


def test_a_dead_host_is_asked_seldom(keeper: Keeper) -> None:
    """After two minutes without a success a probe goes out once a minute."""
    keeper.hear("a", ill=0.0)
    for _ in range(40):
        keeper.hear("a", busy=0, later=4.0)
    assert keeper.hear("a", want=1).granted == 1
    reply = keeper.hear("a", failed=1, busy=0)
    assert reply.ill == pytest.approx(160, abs=1)
    assert reply.probe == 60


def test_after_a_loss_all_report_before_anybody_starts(keeper: Keeper) -> None:
    """A new life of the budget begins with a second in which those who knew the old one report."""
    keeper.state = None
    reply = keeper.hear("a", busy=4, want=4, epoch="of before", rate=3.0)
    assert (reply.granted, reply.wait, reply.rate) == (0, 1.0, 3.0)
    keeper.hear("b", busy=4, want=4, epoch="of before", later=0.5)
    assert keeper.hear("a", busy=4, want=4, epoch=reply.epoch, later=0.6).granted == 0


@pytest.mark.parametrize("passed", [3700.0, -90.0], ids=["long ago", "clock set back"])
def test_what_makes_no_sense_any_more_is_forgotten(keeper: Keeper, passed: float) -> None:
    """What is an hour old, or of another clock, counts for nothing."""
    first = keeper.hear("a", want=8, rate=5.0)
    second = keeper.hear("b", want=8, later=passed)
    assert second.epoch != first.epoch
    assert (second.granted, second.rate) == (4, 0)


def test_a_clock_that_is_corrected_stands_still(keeper: Keeper) -> None:
    """A clock that goes back by a second frees nothing and loses nothing."""
    first = keeper.hear("a", want=8)
    second = keeper.hear("b", want=8, later=-1.0)
    assert (second.epoch, second.granted) == (first.epoch, 0)


@given(
    limit=st.integers(1, 40),
    demands=st.lists(st.integers(0, 20), min_size=1, max_size=9).map(sorted),
)
def test_the_water_level_is_fair(limit: int, demands: list[int]) -> None:
    """Nobody has more than the level, all is given away, and who has less wanted no more."""
    level = water_level(limit, demands)
    given_away = sum(min(level, each) for each in demands)
    assert given_away == pytest.approx(min(limit, sum(demands)))


Word: TypeAlias = "tuple[str, int, int, float, float]"
"""Who speaks, what it wants, how many landed, how much later, and whether one was refused."""
WORDS: st.SearchStrategy[Word] = st.tuples(
    st.sampled_from("abc"),
    st.integers(0, 9),
    st.integers(0, 9),
    st.floats(0, 1.5),
    st.sampled_from([-1.0, -1.0, -1.0, 0.05]),
)


@given(script=st.lists(WORDS, max_size=40))
def test_together_they_never_pass_the_ceiling(script: list[Word]) -> None:
    """Whoever says what and when: those who are alive never have more in flight than allowed."""
    keeper, busy, heard = Keeper(), dict.fromkeys("abc", 0), dict.fromkeys("abc", BORN)
    for name, want, landed, later, refused in script:
        keeper.now += later
        if keeper.now - heard[name] > 5:
            busy[name] = 0  # the process was gone, and another began
        busy[name] = max(0, busy[name] - landed)
        reply = keeper.hear(
            name, busy=busy[name], want=want, ceiling=6, good=landed, refused=refused
        )
        busy[name] += reply.granted
        heard[name] = keeper.now
        alive = [each for each in "abc" if keeper.now - heard[each] <= 5]
        assert sum(busy[each] for each in alive) <= 6
        assert math.isfinite(reply.wait)
        assert reply.granted <= want


def test_a_state_survives_being_written(keeper: Keeper) -> None:
    """What is written is read back the same."""
    keeper.hear("a", want=3, quota=((5, 10.0, 0.1),), refused=0.1, hold=2.0)
    assert keeper.state is not None
    assert read_state(write_state(keeper.state)) == keeper.state


STATE = asdict(State(born=100.0, epoch="a:100"))


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"members": {"a": 1}}', '{"members": {}}', "["])
def test_a_text_that_is_no_state_is_refused(text: str) -> None:
    """Other JSON, and what is none, is a `ValueError`."""
    with pytest.raises(ValueError, match="State"):
        read_state(text)


@pytest.mark.parametrize("text", ["[" * 100_000, "9" * 100_000, '{"born": ' + "9" * 100_000])
def test_no_depth_or_length_is_too_much(text: str) -> None:
    """What breaks other readers is refused like any other text."""
    with pytest.raises(ValueError, match="State"):
        read_state(text)


@pytest.mark.parametrize(
    "changes",
    [
        {"seen": "x"},
        {"rate": math.nan},
        {"limit": math.inf},
        {"born": 1e308},
        {"tat": -1e308},
        {"flow_at": 7.0},
        {"rate": -1.0},
        {"remaining": -2},
        {"probe": []},
        {"members": []},
        {"members": {"a": {"seen": "x"}}},
        {"members": {"a": {"busy": -9}}},
        {"unheard_of": 1},
    ],
    ids=str,
)
def test_a_state_of_impossible_values_is_refused(changes: dict[str, object]) -> None:
    """The rules may reckon with whatever is read, without a look at each number."""
    assert read_state(json.dumps(STATE)).born == 100.0
    with pytest.raises(ValueError, match=r"State|state"):
        read_state(json.dumps(STATE | changes))


@pytest.mark.parametrize(
    "text",
    [
        *("", "null", "[]", "[" * 9999, '{"granted": 1}', '{"epoch": 1}'),
        *(f'{{"epoch": "a", "{name}": NaN}}' for name in ("delay", "wait", "hold", "rate", "ill")),
        *('{"epoch": "a", "hold": 1e999}', '{"epoch": "a", "wait": -1}'),
        *('{"epoch": "a", "alive": 0}', '{"epoch": "a", "granted": -1}'),
    ],
)
def test_an_answer_that_makes_no_sense_is_refused(text: str) -> None:
    """Nobody waits for a time that is no number, or for what was never granted."""
    with pytest.raises(ValueError, match="Reply"):
        read_reply(text)


def test_an_answer_may_say_more() -> None:
    """What a later version adds is no harm."""
    assert read_reply('{"epoch": "a", "granted": 2, "later": 1}') == Reply(epoch="a", granted=2)
