"""Know what is left of a counted window that several processes spend."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from manifests.fetch.budget_state import State

__all__ = ["SLACK", "count", "roll_over"]

SLACK = 0.05
"""Seconds after the end of a counted window."""
ROUNDED_BY = 1.0
"""Seconds by which the time to a reset may be rounded up, as in `QuotaGate`."""


def count(state: State, remaining: int, reset: tuple[float, float], *, sent: float) -> None:
    """Learn what an answer says is left of a counted window; *reset* is when and in how long."""
    if state.told and sent + reset[1] - ROUNDED_BY > state.reset:
        # What was under way with it may have been counted before it, and come after it.
        begin_window(state, reset[0] - reset[1])
    elif sent < state.window:
        # It tells of the window before, but may have been counted in this one.
        state.remaining = max(0, state.remaining - 1)
        return
    state.period = max(state.period, reset[1])
    state.largest = max(state.largest, remaining + 1)
    if not state.told:
        state.told, state.remaining, state.reset = True, remaining, reset[0]
    state.remaining = min(state.remaining, remaining)
    state.reset = min(state.reset, reset[0])


def roll_over(state: State, t: float) -> None:
    """Begin a new window after the end of the last."""
    if state.remaining >= 0 and t >= state.reset + SLACK:
        begin_window(state, t)


def begin_window(state: State, t: float) -> None:
    """Begin a new window; it is believed to be as large and as long as any before it."""
    state.window, state.told = t, False
    state.remaining = max(1, state.largest)
    state.reset = t + max(1.0, state.period)
