"""End a run's reading early, by its deadline or by a signal, so that what is complete is kept."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Literal, TypeAlias

import anyio

from manifests.taskgroup import task_group

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

__all__ = ["EndedBy", "read_until_stopped"]

EndedBy: TypeAlias = Literal["completion", "deadline", "SIGINT", "SIGTERM"]

SIGNALS: dict[signal.Signals, EndedBy] = {signal.SIGINT: "SIGINT", signal.SIGTERM: "SIGTERM"}


class SignalWatch:
    """Remembers the first signal that asked the run to end."""

    def __init__(self) -> None:
        self.received: EndedBy | None = None

    async def wait(self) -> None:
        """Return once a signal has come; a second one ends the process as it always would."""
        try:
            with anyio.open_signal_receiver(*SIGNALS) as signals:
                async for number in signals:
                    self.received = SIGNALS[number]
                    return
        except NotImplementedError:  # asyncio on Windows: Ctrl-C there raises KeyboardInterrupt
            await anyio.sleep_forever()


def say_nothing(_: EndedBy) -> None:
    """Tell nobody of a signal."""


async def read_until_stopped(
    read: Callable[[], Awaitable[None]],
    *,
    deadline: float,
    tell: Callable[[EndedBy], None] = say_nothing,
) -> EndedBy:
    """Run *read* until it is done, a signal comes or *deadline* seconds have passed.

    Args:
        read: what is cancelled then.
        deadline: in seconds.
        tell: is told of a signal in the moment it comes, before *read* has ended.

    Returns:
        What ended it; whatever *read* had gathered by then is still there.
    """
    watch = SignalWatch()
    with anyio.move_on_after(deadline) as scope:
        async with task_group() as tasks:
            tasks.start_soon(cancel_after, watch, tasks.cancel_scope, tell)
            await read()
    if watch.received:
        return watch.received
    return "deadline" if scope.cancelled_caught else "completion"


async def cancel_after(
    watch: SignalWatch, scope: anyio.CancelScope, tell: Callable[[EndedBy], None]
) -> None:
    """Cancel *scope* once *watch* has seen a signal."""
    await watch.wait()
    if watch.received:
        tell(watch.received)
    scope.cancel()
