"""Keeping good pages: each whole, the newest, no more than fits, and none lost to a kill."""

from __future__ import annotations

import gzip
import os
import signal
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manifests.models import Record
from manifests.sources.base import Reply
from manifests.store.database import DATABASE_FILE, open_database
from manifests.store.pages import KEPT_HEADERS, LOW_WATER, PageLimits, PageStore

if TYPE_CHECKING:
    from manifests.store.database import Database

NOON = datetime(2026, 8, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
HEADERS = {"etag": '"1"', "link": "<https://upstream.example/?cursor=2>; rel=next"}

HEADER_NAMES = st.sampled_from([*sorted(KEPT_HEADERS), "set-cookie", "date"])
REPLIES = st.builds(
    Reply,
    body=st.binary(max_size=2000),
    headers=st.dictionaries(HEADER_NAMES, st.text(max_size=50)),
    not_modified=st.just(value=False),
)


class Keys(Record):
    """A row of the pages' table."""

    key: str


def keys(database: Database) -> list[str]:
    """Return the keys of all kept pages, oldest first."""
    sql = "SELECT key FROM pages ORDER BY fetched_at, key"
    return [row.key for row in database.read(Keys, sql)]


def reply(size: int = 10, **headers: str) -> Reply:
    """Return an answer whose body does not compress."""
    return Reply(body=os.urandom(size), headers=headers)


@given(REPLIES, REPLIES)
@settings(max_examples=30)
def test_a_page_comes_back_as_it_was(first: Reply, second: Reply) -> None:
    """The last answer under a key comes back with its body and the headers that reading needs."""
    with TemporaryDirectory() as name:
        with closing(open_database(Path(name), now=NOON).database) as database:
            store = PageStore(database, run="run 1")
            store.put("key", first, now=NOON - HOUR)
            store.put("key", second, now=NOON)
        with closing(open_database(Path(name), now=NOON).database) as database:
            kept = PageStore(database).newest("key")
    assert kept is not None
    assert kept.reply.body == second.body
    wanted = {name: value for name, value in second.headers.items() if name in KEPT_HEADERS}
    assert kept.reply.headers == wanted
    assert (kept.fetched_at, kept.run) == (NOON, "run 1")


def test_a_page_that_came_packed_is_kept_as_it_came(database: Database) -> None:
    """It is not packed anew, and comes back unpacked."""
    packed = gzip.compress(b"[1]", mtime=0)
    store = PageStore(database)
    store.put("key", Reply(body=b"[1]", headers={}, packed=packed), now=NOON)
    assert store.size() == len(packed) + len(b"{}\n")
    kept = store.newest("key")
    assert kept is not None
    assert kept.reply == Reply(body=b"[1]", headers={})


def test_what_is_not_needed_never_reaches_the_disk(tmp_path: Path) -> None:
    """Headers that might hold a secret are not written anywhere."""
    with closing(open_database(tmp_path, now=NOON).database) as database:
        sent = {"set-cookie": "secret=1", "authorization": "secret", **HEADERS}
        PageStore(database).put("key", Reply(body=b"[]", headers=sent), now=NOON)
    data = (tmp_path / DATABASE_FILE).read_bytes()
    assert b"rel=next" in data
    assert b"secret" not in data


def test_there_is_nothing_under_an_unknown_key(database: Database) -> None:
    """A key that was never used, or was dropped, has no page."""
    store = PageStore(database)
    assert store.newest("key") is None
    store.put("key", reply(), now=NOON)
    store.put("other", reply(), now=NOON)
    store.drop("key")
    assert store.newest("key") is None
    assert keys(database) == ["other"]


def test_a_page_that_still_holds_is_as_good_as_new(database: Database) -> None:
    """A page that upstream vouches for keeps its body, and takes time, run and headers of today."""
    PageStore(database, run="old").put("key", Reply(body=b"[]", headers=HEADERS), now=NOON)
    store = PageStore(database, run="new")
    store.refresh("key", {"etag": '"2"', "date": "today"}, now=NOON + HOUR)
    store.refresh("unknown", {}, now=NOON + HOUR)
    kept = store.newest("key")
    assert kept is not None
    assert kept.reply == Reply(body=b"[]", headers={"etag": '"2"'})
    assert (kept.fetched_at, kept.run) == (NOON + HOUR, "new")
    assert keys(database) == ["key"]


def test_a_damaged_page_is_none(database: Database) -> None:
    """A body that does not unpack is never read as a shorter one."""
    store = PageStore(database)
    store.put("key", reply(1000), now=NOON)
    database.execute("UPDATE pages SET body = substr(body, 1, 500)")
    assert store.newest("key") is None


def test_the_old_and_the_impossible_are_pruned(database: Database) -> None:
    """Pages beyond the age limit go, and so do those dated after now: a clock was set back."""
    store = PageStore(database, limits=PageLimits(max_age=timedelta(days=2)))
    days = {"old": -2.1, "at the edge": -2, "young": -1, "now": 0, "of the future": 0.1}
    for key, offset in days.items():
        store.put(key, reply(), now=NOON + timedelta(days=offset))
    assert store.prune(now=NOON) == 2
    assert keys(database) == ["at the edge", "young", "now"]
    assert store.prune(now=NOON) == 0


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 3000)), max_size=25))
@settings(max_examples=25)
def test_pages_never_take_more_than_they_may(puts: list[tuple[int, int]]) -> None:
    """After every page the bound holds, the newest page that fits is there, and the oldest go."""
    limits = PageLimits(most_bytes=5000)
    with (
        TemporaryDirectory() as name,
        closing(open_database(Path(name), now=NOON).database) as database,
    ):
        store = PageStore(database, limits=limits)
        order: list[str] = []
        for place, (key, size) in enumerate(puts):
            store.put(str(key), reply(size), now=NOON + timedelta(seconds=place))
            order = [*(each for each in order if each != str(key)), str(key)]
            assert store.size() <= limits.most_bytes
            kept = keys(database)
            assert kept == order[len(order) - len(kept) :]
            assert kept[-1] == str(key)


def test_a_page_larger_than_the_store_is_not_kept(database: Database) -> None:
    """A page that would push out all others is let go, and they stay."""
    limits = PageLimits(most_bytes=1000)
    store = PageStore(database, limits=limits)
    store.put("small", reply(500), now=NOON)
    store.put("large", reply(int(1000 * LOW_WATER) + 1), now=NOON + HOUR)
    assert keys(database) == ["small"]


def test_a_page_of_the_past_gives_way(database: Database) -> None:
    """When a clock was set back, the bound goes before the page that just came."""
    store = PageStore(database, limits=PageLimits(most_bytes=1000))
    store.put("of the future", reply(850), now=NOON + HOUR)
    store.put("now", reply(850), now=NOON)
    assert keys(database) == ["of the future"]


def test_a_store_in_memory_keeps_no_page(tmp_path: Path) -> None:
    """Where nothing lasts, pages are not worth their room."""
    (tmp_path / "state").write_text("no folder")
    with closing(open_database(tmp_path / "state", now=NOON).database) as database:
        store = PageStore(database)
        store.put("key", reply(), now=NOON)
        assert store.newest("key") is None


JOURNAL = """
import itertools, pathlib, sys
from datetime import UTC, datetime
from manifests.sources.base import Reply
from manifests.store.database import open_database
from manifests.store.pages import PageStore
now = datetime(2026, 8, 1, 12, tzinfo=UTC)
store = PageStore(open_database(pathlib.Path(sys.argv[1]), now=now).database)
for number in itertools.count():
    store.put(str(number), Reply(body=str(number).encode() * 5000, headers={}), now=now)
    sys.stdout.write(f"{number}\\n")
    sys.stdout.flush()
"""


@pytest.mark.parametrize("lines", [1, 40])
def test_a_kill_loses_no_page_that_was_kept(tmp_path: Path, lines: int) -> None:
    """Whatever was committed before a SIGKILL is read by the next run, without a warning."""
    command = [sys.executable, "-c", JOURNAL, os.fspath(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        for _ in range(lines):
            assert process.stdout.readline()
        process.kill()
        told = lines + len(process.stdout.read().splitlines())
    assert process.returncode == -signal.SIGKILL

    opened = open_database(tmp_path, now=NOON)
    with closing(opened.database) as database:
        assert opened.warnings == ()
        store = PageStore(database)
        for number in range(told):
            kept = store.newest(str(number))
            assert kept is not None
            assert kept.reply.body == str(number).encode() * 5000
