"""Whatever others write, reading it ends in a record or in one of our errors."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.fuzz.hostile import spoilt
from tests.fuzz.seeds import SEEDS
from tests.fuzz.targets import TARGETS

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "40"))
"""For each target; `scripts/fuzz` asks for more."""


@pytest.mark.parametrize("name", TARGETS)
@settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_spoilt_bytes_never_break_a_reader(name: str, data: st.DataObject) -> None:
    """A reader takes what it can and refuses the rest in our own words, whatever comes."""
    TARGETS[name](data.draw(spoilt(SEEDS[name])))


def test_each_target_has_a_good_document() -> None:
    """Fuzzing begins with what is nearly right, else it never gets past the first brace."""
    assert SEEDS.keys() == TARGETS.keys()
