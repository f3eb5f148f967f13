"""A call that hangs holds neither a check nor the process."""

from __future__ import annotations

import threading

import anyio
import pytest

from manifests.doctor.waiting import abandonable
from manifests.errors import StoreError


async def test_what_a_call_returns() -> None:
    """A call gives what it returns, from another thread."""
    assert await abandonable(threading.get_ident) != threading.get_ident()


@pytest.mark.parametrize("error", [StoreError("full"), OSError(5, "broken"), UnicodeError("idna")])
async def test_expected_errors_come_back(error: Exception) -> None:
    """What a call may raise is raised here."""

    def fail() -> None:
        raise error

    with pytest.raises(type(error)):
        await abandonable(fail)


async def test_a_call_that_hangs_is_left_behind() -> None:
    """Who is cancelled does not wait for the call, whose thread ends with the process."""
    release, ended, is_daemon = threading.Event(), threading.Event(), list[bool]()

    def hang() -> None:
        is_daemon.append(threading.current_thread().daemon)
        release.wait()
        ended.set()

    with anyio.move_on_after(0.02) as scope:
        await abandonable(hang)
    assert scope.cancelled_caught
    assert not ended.is_set()
    release.set()
    assert ended.wait(5)
    assert is_daemon == [True]


async def test_a_call_may_tidy_up() -> None:
    """Who is cancelled gives the call a while to remove what it has made."""
    tidied, begun = threading.Event(), threading.Event()

    def work() -> None:
        begun.wait()
        tidied.set()

    with anyio.CancelScope() as scope:
        scope.cancel()
        begun.set()
        await abandonable(work, grace=5.0)
    assert tidied.is_set()
