"""Keep how a host was treated over time, in bounded space however long the run."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

from manifests.traffic import HostNote, HostSample

if TYPE_CHECKING:
    from manifests.fetch.work import HostState
    from manifests.traffic import NoteKind

__all__ = ["MOST_NOTES", "MOST_SAMPLES", "Timeline"]

MOST_SAMPLES: Final = 400
"""More than a chart has points for; then every second one makes room."""
MOST_NOTES: Final = 200
"""Then those in the middle make room: how trouble began and how it ended is what is looked for."""
GAP: Final = 0.5
"""Seconds between two samples at first; each thinning doubles it."""


class Timeline:
    """The samples and notes of one host; a sample holds until the next one."""

    def __init__(self, *, began: float) -> None:
        """Begin at *began*, in monotonic seconds as all times that follow."""
        self._began = began
        self._gap = GAP
        self._samples: list[HostSample] = []
        self._latest: HostSample | None = None
        self._first_notes: list[HostNote] = []
        self._last_notes: deque[HostNote] = deque(maxlen=MOST_NOTES // 2)

    @property
    def samples(self) -> tuple[HostSample, ...]:
        """What was kept, in the order of time, with the latest state."""
        if self._latest is None or self._samples[-1] == self._latest:
            return tuple(self._samples)
        return (*self._samples, self._latest)

    @property
    def notes(self) -> tuple[HostNote, ...]:
        """The first and the last notes, in the order of time."""
        return (*self._first_notes, *self._last_notes)

    def see(self, state: HostState, *, now: float) -> HostSample | None:
        """Keep *state* if it is new, and not too soon after the one before; return what is kept."""
        sample = self._sample(state, now)
        if self._latest and sample.model_copy(update={"at": self._latest.at}) == self._latest:
            return None
        # What was passed over for coming too soon held until now, so it was no mere flicker.
        if self._latest and sample.at - self._latest.at >= self._gap:
            self._keep(self._latest)
        is_due = not self._samples or sample.at - self._samples[-1].at >= self._gap
        if is_due:
            self._keep(sample)
        self._latest = sample
        return sample if is_due else None

    def note(
        self,
        kind: NoteKind,
        *,
        seconds: float,
        why: str,
        now: float,
    ) -> None:
        """Keep a pause that lasts *seconds* from now on, or a change of the circuit."""
        note = HostNote(
            at=self._since(now), kind=kind, seconds=round(max(0.0, seconds), 3), why=why
        )
        if len(self._first_notes) < MOST_NOTES // 2:
            self._first_notes.append(note)
        else:
            self._last_notes.append(note)

    def _keep(self, sample: HostSample) -> None:
        if sample not in self._samples[-1:]:
            self._samples.append(sample)
        if len(self._samples) >= MOST_SAMPLES:
            self._samples = self._samples[::2]
            self._gap *= 2

    def _sample(self, state: HostState, now: float) -> HostSample:
        return HostSample(
            at=self._since(now),
            window=round(state.window, 1),
            rate=None if state.rate is None else round(state.rate, 3),
            in_flight=state.in_flight + state.parked,
            waiting=state.waiting,
        )

    def _since(self, now: float) -> float:
        return round(now - self._began, 3)
