"""`--simulate` is read as documented, and a mistake in it is explained."""

from __future__ import annotations

import pytest

from manifests.errors import SettingsError
from manifests.sandbox.faults import Fault, parse


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("503", Fault(name="503")),
        ("429:10%", Fault(name="429", chance=0.1)),
        ("429:10%:2s", Fault(name="429", chance=0.1, seconds=2)),
        ("429:2s:10%", Fault(name="429", chance=0.1, seconds=2)),
        ("civitai=504:5%", Fault(name="504", source="civitai", chance=0.05)),
        ("huggingface=503", Fault(name="503", source="huggingface")),
        (" hf = reset ", Fault(name="reset", source="huggingface")),
        ("timeout:2.5%", Fault(name="timeout", chance=0.025)),
        ("empty:0%", Fault(name="empty", chance=0)),
        ("slow:2s", Fault(name="slow", seconds=2)),
        ("slow:500ms:50%", Fault(name="slow", seconds=0.5, chance=0.5)),
        ("latency:600ms", Fault(name="latency", seconds=0.6)),
        ("rate:10/s", Fault(name="rate", amount=10)),
        ("rate:600/m:retry", Fault(name="rate", amount=600, per=60, retry=True)),
        ("window:500/300s", Fault(name="window", amount=500, per=300)),
        ("capacity:8", Fault(name="capacity", amount=8)),
    ],
)
def test_parts(text: str, fault: Fault) -> None:
    """Each part names a source, a fault and its arguments, in any order."""
    assert parse(text) == (fault,)


def test_parts_combine_in_order() -> None:
    """Parts are separated by commas; empty ones say nothing."""
    assert [fault.name for fault in parse("429:1%, hf=reset,,slow:1s")] == ["429", "reset", "slow"]
    assert parse("") == ()


@pytest.mark.parametrize(
    ("text", "cause", "next_step"),
    [
        ("timout", "unknown fault 'timout'", "did you mean 'timeout'? known: 401, 403"),
        ("civit=503", "unknown source 'civit'", "did you mean 'civitai'?"),
        ("=503", "unknown source ''", "known: civitai, huggingface, hf"),
        ("qqq", "unknown fault 'qqq'", "known: 401"),
        ("503:often", "'often' says nothing here", "429:10%"),
        ("reset:2s", "'2s' says nothing here", "429:10%"),
        ("503:1%:2%", "'2%' says nothing here", "429:10%"),
        ("429:110%", "out of range", "429:10%"),
        ("slow", "an argument is missing", "slow:2s"),
        ("latency:5%", "an argument is missing", "latency:600ms"),
        ("rate", "an argument is missing", "rate:10/s"),
        ("rate:0/s", "out of range", "rate:10/s"),
        ("rate:10/s:5%", "'5%' says nothing here", "rate:10/s"),
        ("window:5/0s", "out of range", "window:500/300s"),
        ("capacity:0", "out of range", "capacity:8"),
        ("capacity:many", "'many' says nothing here", "capacity:8"),
    ],
)
def test_mistakes(text: str, cause: str, next_step: str) -> None:
    """A wrong part is named, with what would be right."""
    with pytest.raises(SettingsError) as caught:
        parse(f"503,{text}")
    assert cause in caught.value.cause
    assert repr(text) in caught.value.cause
    assert next_step in caught.value.next_step


def test_a_fault_without_a_source_befalls_all() -> None:
    """A part with a source spares the other."""
    assert parse("503")[0].befalls("civitai")
    assert not parse("hf=503")[0].befalls("civitai")
