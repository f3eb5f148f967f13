"""Bytes out of memory: they come back as they were, from memory or from a file."""

from __future__ import annotations

import gc
import resource
import signal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manifests.errors import StoreError
from manifests.store.spool import Spool


@given(st.lists(st.binary(max_size=40), max_size=12), st.sampled_from([1, 64, 4096]))
def test_what_was_put_comes_back(bodies: list[bytes], most_in_memory: int) -> None:
    """Each slot gives its own bytes, in any order, also where they went to a file meanwhile."""
    spool = Spool(most_in_memory=most_in_memory)
    slots = [spool.put(body) for body in bodies]
    whole = spool.put_all(bodies)
    assert [spool.get(slot) for slot in reversed(slots)] == bodies[::-1]
    assert spool.get(whole) == b"".join(bodies)


def test_its_file_goes_with_it() -> None:
    """Nobody has to close a spool: a file left open would be a warning, and that an error here."""
    spool = Spool(most_in_memory=1)
    spool.put(b"on the disk")
    del spool
    gc.collect()


def test_a_disk_that_refuses_says_what_to_do() -> None:
    """A full disk of temporary files ends in an error that names the way out."""
    spool = Spool(most_in_memory=1)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1024, limits[1]))
    try:
        with pytest.raises(StoreError, match="temporary files can't be kept") as caught:
            spool.put(b"x" * 1_000_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)
    assert "TMPDIR" in caught.value.next_step
