"""Bound what may hang: a call into the system that can't be cancelled, and a whole check."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, TypeVar

import anyio
from anyio import from_thread
from anyio.lowlevel import current_token

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["abandonable"]

T = TypeVar("T")


async def abandonable(call: Callable[[], T], *, grace: float = 0.0) -> T:
    """Return what *call* returns, from a thread that nobody waits for when this is cancelled.

    anyio's own threads hold the process until they are done: a dead resolver takes 20 s, a dead
    disk for ever, and a person has given `--timeout 5s`.

    Args:
        call: what may hang; what it raises is raised here.
        grace: seconds that it gets to tidy up when this is cancelled.
    """
    outcome: Future[T] = Future()
    done = anyio.Event()
    token = current_token()

    def hand_over(_kind: object, error: BaseException | None, _trace: object) -> bool:
        if error is not None:
            outcome.set_exception(error)
        with suppress(anyio.RunFinishedError):
            from_thread.run_sync(done.set, token=token)
        return True

    def work() -> None:
        with ExitStack() as stack:
            stack.push(hand_over)  # whatever is raised, a bug too, is raised where we wait
            outcome.set_result(call())

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        await done.wait()
    finally:
        thread.join(grace)
    return outcome.result(timeout=0)
