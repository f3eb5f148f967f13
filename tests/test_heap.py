"""Giving memory back: it changes nothing that anyone can see but the memory in use."""

from __future__ import annotations

import subprocess
import sys

import pytest

MEASURE = """
import sys
from manifests.heap import give_back

def resident():
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * 4096

held = [bytes(1000) for _ in range(50_000)]
lasting = held[::500]
full = resident()
del held
give_back()
print(full - resident(), sum(map(len, lasting)))
"""


THRESHOLD = """
import sys
from manifests.heap import keep_low

def resident():
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * 4096

if sys.argv[1:]:
    keep_low()
bytearray(20_000_000)  # freed at once, after which glibc would keep what is as large
before, held, hole = resident(), bytes(range(256)) * 60_000, bytes(range(256)) * 60_000
above = bytes(range(256)) * 600
del held, hole
print(resident() - before)
"""


@pytest.mark.parametrize(("arguments", "is_kept"), [((), True), (("low",), False)])
def test_large_blocks_go_back_at_once(arguments: tuple[str, ...], *, is_kept: bool) -> None:
    """A block that is as large as a catalogue's file leaves no hole of its size behind."""
    command = [sys.executable, "-c", THRESHOLD, *arguments]
    left = subprocess.run(command, check=True, capture_output=True).stdout
    assert (int(left) > 20_000_000) == is_kept


def test_what_lies_between_blocks_in_use_goes_back() -> None:
    """Most of fifty megabytes is given back though a hundredth of it stays in use all over it."""
    command = [sys.executable, "-c", MEASURE]
    freed, lasting = subprocess.run(command, check=True, capture_output=True).stdout.split()
    assert int(lasting) == 100_000
    assert int(freed) > 20_000_000
