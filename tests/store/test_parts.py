"""Catalogues in parts: where a model stands, and when their number changes."""

from __future__ import annotations

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manifests.store.parts import MOST_PARTS, count_parts, largest, part_file, part_of, stray_parts

POWERS = st.integers(0, 8).map(lambda power: 2**power)
SIZES = st.lists(st.integers(0, 3000), min_size=MOST_PARTS, max_size=MOST_PARTS)


def test_the_rule_is_the_one_that_readers_know() -> None:
    """It is the CRC-32 of zlib and gzip over UTF-8: the check value of the standard is fixed."""
    assert zlib.crc32(b"123456789") == 0xCBF43926
    assert part_of("123456789", 256) == 0x26
    assert part_of("owner/模型", 16) == zlib.crc32("owner/模型".encode()) % 16


@given(id_=st.text(), parts=POWERS)
def test_a_part_falls_into_two(id_: str, parts: int) -> None:
    """Where their number doubles, a model stays in its part or goes into the new one beside it."""
    assert part_of(id_, 2 * parts) in {part_of(id_, parts), part_of(id_, parts) + parts}


@given(sizes=SIZES, before=POWERS)
def test_no_part_is_too_large_and_none_flaps(sizes: list[int], before: int) -> None:
    """As long as more parts help, the largest fits; and the same sizes ask for the same again."""
    most = 20_000
    parts = count_parts(sizes, before=before, most_bytes=most)
    assert largest(sizes, parts) <= most or parts == MOST_PARTS
    assert count_parts(sizes, before=parts, most_bytes=most) == parts


@pytest.mark.parametrize(
    ("each", "before", "parts"),
    [
        (0, 1, 1),
        (0, 64, 1),
        (100, 1, 1),  # 25,600 bytes in all
        (100, 2, 2),  # one file would be too full to stay one
        (101, 1, 2),
        (60, 2, 2),
        (50, 2, 1),
        (300, 1, 4),
    ],
)
def test_the_number_changes_late(each: int, before: int, parts: int) -> None:
    """It doubles when a file is too large, and is halved only when half a file stays free."""
    assert count_parts([each] * MOST_PARTS, before=before, most_bytes=25_600) == parts


def test_parts_are_known_by_their_names() -> None:
    """Four digits before the ending make a part; a manifest or another catalogue is none."""
    names = [
        part_file("civitai-models.json", 7),
        "civitai-models.json",
        "civitai-models-12.json",
        "civitai-models-00070.json",
        "civitai-stats-0007.json",
        "civitai-filter-models-0007.json",
    ]
    assert [*stray_parts("civitai-models.json", names)] == ["civitai-models-0007.json"]
