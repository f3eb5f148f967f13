"""A run that is ended early says what ended it, and keeps what it had."""

from __future__ import annotations

import asyncio
import os
import signal
from functools import partial

import anyio
import pytest

from manifests.stopping import EndedBy, read_until_stopped


class Reading:
    """Something that gathers, stops itself by a signal or never ends."""

    def __init__(self, *, sends: signal.Signals | None = None, ends: bool = False) -> None:
        self.gathered: list[int] = []
        self.was_cancelled = False
        self._sends = sends
        self._ends = ends

    async def read(self) -> None:
        """Gather twice, with what comes between."""
        self.gathered.append(1)
        # The receiver of signals opens while this one lets the others have their turn.
        await anyio.wait_all_tasks_blocked()
        if self._sends is not None:
            os.kill(os.getpid(), self._sends)
        self.gathered.append(2)
        try:
            if not self._ends:
                await anyio.sleep_forever()
        except anyio.get_cancelled_exc_class():
            self.was_cancelled = True
            raise


@pytest.mark.parametrize(
    ("sent", "expected"), [(signal.SIGINT, "SIGINT"), (signal.SIGTERM, "SIGTERM")]
)
@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_signal_ends_it(sent: signal.Signals, expected: EndedBy, backend: str) -> None:
    """SIGINT and SIGTERM are told, cancel the reading, are named, and leave what was gathered."""
    before = signal.getsignal(sent)
    reading = Reading(sends=sent)
    told: list[tuple[EndedBy, bool]] = []
    read = partial(
        read_until_stopped,
        reading.read,
        deadline=60,
        tell=lambda ended_by: told.append((ended_by, reading.was_cancelled)),
    )
    assert anyio.run(read, backend=backend) == expected
    assert told == [(expected, False)]
    assert reading.gathered == [1, 2]
    assert reading.was_cancelled
    assert signal.getsignal(sent) == before


@pytest.mark.virtual_time
@pytest.mark.parametrize("deadline", [0, 0.001, 1800])
async def test_the_deadline_ends_it(deadline: float) -> None:
    """What takes longer than the deadline is cancelled exactly then, and keeps what it had."""
    began, gathered = anyio.current_time(), []

    async def read() -> None:
        while True:
            gathered.append(anyio.current_time() - began)
            await anyio.sleep(1)

    assert await read_until_stopped(read, deadline=deadline) == "deadline"
    assert anyio.current_time() - began == pytest.approx(deadline)
    assert len(gathered) == max(1, deadline // 1)


async def test_it_may_be_done() -> None:
    """Whatever is done before anything else happens was complete."""
    reading = Reading(ends=True)
    assert await read_until_stopped(reading.read, deadline=60) == "completion"
    assert reading.gathered == [1, 2]
    assert not reading.was_cancelled


async def test_without_a_deadline() -> None:
    """A deadline may be infinite."""
    reading = Reading(ends=True)
    assert await read_until_stopped(reading.read, deadline=float("inf")) == "completion"


async def test_a_second_signal_finds_the_door_open() -> None:
    """Once a signal has come, a second one does again what it always would."""
    meanwhile: list[object] = []

    async def read() -> None:
        await anyio.wait_all_tasks_blocked()
        os.kill(os.getpid(), signal.SIGTERM)
        try:
            await anyio.sleep_forever()
        finally:
            meanwhile.append(signal.getsignal(signal.SIGTERM))

    before = signal.getsignal(signal.SIGTERM)
    await read_until_stopped(read, deadline=60)
    assert meanwhile == [before]


async def test_a_bug_escapes() -> None:
    """What the reading raises is nobody's deadline and nobody's signal."""

    async def read() -> None:
        raise LookupError("a bug")

    with pytest.raises(LookupError, match="a bug"):
        await read_until_stopped(read, deadline=60)


class DeafLoop(asyncio.SelectorEventLoop):
    """An event loop that knows no signals, as on Windows."""

    def add_signal_handler(self, *_: object) -> None:
        """Refuse."""
        raise NotImplementedError


def test_where_signals_cannot_be_received() -> None:
    """An event loop without signals still reads to the end, and still knows its deadline."""
    options = {"loop_factory": DeafLoop}
    done = partial(read_until_stopped, Reading(ends=True).read, deadline=60)
    assert anyio.run(done, backend_options=options) == "completion"
    endless = partial(read_until_stopped, Reading().read, deadline=0.01)
    assert anyio.run(endless, backend_options=options) == "deadline"
