"""How values stand in the columns of the state database."""

from __future__ import annotations

import gzip
import os
import zlib
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Annotated

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from manifests.models import Record
from manifests.store.canonical import DamagedFileError
from manifests.store.columns import FROM_JSON, folder_name, pack, stamp, unpack

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ZONES = st.integers(-720, 720).map(lambda minutes: timezone(timedelta(minutes=minutes)))
MOMENTS = st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1), timezones=ZONES)  # noqa: DTZ001 - hypothesis adds the zone


class Row(Record):
    """A row with a column of JSON."""

    names: Annotated[tuple[str, ...], FROM_JSON]


@given(st.binary(max_size=500))
def test_what_is_packed_comes_back(data: bytes) -> None:
    """Packing and unpacking changes no byte."""
    assert unpack(pack(data)) == data


@given(st.binary(max_size=500))
def test_what_was_packed_in_earlier_days_comes_back(data: bytes) -> None:
    """A state folder from before zstd was used can be read."""
    assert unpack(zlib.compress(data, 1)) == data


@given(st.binary(max_size=500), st.binary(max_size=500))
def test_what_came_as_gzip_comes_back(one: bytes, other: bytes) -> None:
    """A body that was kept as it came can be read, also one of two members."""
    assert unpack(gzip.compress(one) + gzip.compress(other)) == one + other


@pytest.mark.parametrize("packing", [pack, gzip.compress, zlib.compress])
@given(data=st.data())
def test_damaged_bytes_are_refused(packing: Callable[[bytes], bytes], data: st.DataObject) -> None:
    """Packed bytes that were cut are refused, never taken for a shorter whole."""
    packed = packing(b"a body" * 20)
    cut = data.draw(st.integers(0, len(packed) - 1))
    with pytest.raises(DamagedFileError, match="damaged"):
        unpack(packed[:cut])


@pytest.mark.parametrize("packer", [pack, zlib.compress])
def test_no_more_is_unpacked_than_is_allowed(packer: Callable[[bytes], bytes]) -> None:
    """A few bytes that hold very many are refused at the limit, and not at the end of memory."""
    packed = packer(bytes(100_000))
    assert unpack(packed, most_bytes=100_000) == bytes(100_000)
    with pytest.raises(DamagedFileError, match="more than 99999"):
        unpack(packed, most_bytes=99_999)


@pytest.mark.parametrize("size", [2**40, 2**62, 2**63])
def test_a_size_that_is_only_claimed_takes_no_memory(size: int) -> None:
    """The head of a frame may claim any amount; it is not believed (RFC 8878 §3.1.1.1)."""
    claim = bytes.fromhex("28b52ffd") + b"\xe0" + size.to_bytes(8, "little") + b"\x01\0\0"
    with pytest.raises(DamagedFileError, match="claim to be more"):
        unpack(claim)


@given(MOMENTS, MOMENTS)
def test_stamps_sort_by_time(one: datetime, other: datetime) -> None:
    """Stamps are in the order of their moments, in whatever zones those were given."""
    assert (stamp(one) < stamp(other)) == (one < other)
    assert datetime.fromisoformat(stamp(one)) == one


def test_json_is_read_where_it_stands_as_text() -> None:
    """A field takes its value from JSON text, or as it is; broken text is no value."""
    assert Row.model_validate({"names": '["a","b"]'}) == Row(names=("a", "b"))
    with pytest.raises(ValidationError, match="cut off"):
        Row.model_validate({"names": '["a"'})


def test_a_folder_has_one_name(tmp_path: Path) -> None:
    """A folder is named by where it is, in text that a database takes, whatever its bytes."""
    assert folder_name(tmp_path / "a" / ".." / "b") == folder_name(tmp_path / "b")
    odd = [folder_name(tmp_path / os.fsdecode(name)) for name in (b"\xff", b"\xfe")]
    assert len({*odd}) == 2
    assert all(name.encode("utf-8").decode() == name for name in odd)


def test_a_stamp_is_told_in_utc() -> None:
    """A moment of another zone is kept as the same moment in UTC."""
    zone = timezone(timedelta(hours=2))
    assert stamp(datetime(2026, 8, 1, 14, tzinfo=zone)) == stamp(
        datetime(2026, 8, 1, 12, tzinfo=UTC)
    )
