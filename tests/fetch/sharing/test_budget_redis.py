"""A budget on a server is asked in one round trip, and says in plain words why it is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, cast

import pytest

from manifests.fetch.budget import Ask, BudgetLostError, key_of
from manifests.fetch.budget_place import parse_place
from manifests.fetch.budget_redis import PREFIX, RedisBudget, open_redis

if TYPE_CHECKING:
    from pathlib import Path

    from redis import Redis
    from redis.asyncio import Redis as AsyncRedis

    class Server(Protocol):
        """What `conftest.py` starts."""

        url: str
        port: int
        authority: Path | None

        def stop(self) -> None:
            """Stop it."""

        def start(self) -> None:
            """Start it."""


KEY = key_of("https://x.example anonymous")


async def test_two_processes_share_what_there_is(server: Server) -> None:
    """What one process holds, another is not granted."""
    async with open_redis(parse_place(server.url)) as budget:
        first = await budget.exchange(KEY, Ask(member="a", want=8, ceiling=8))
        second = await budget.exchange(KEY, Ask(member="b", want=8, ceiling=8))
    assert (first.granted, second.granted) == (4, 0)
    assert second.alive == 2
    assert first.epoch == second.epoch


async def test_the_script_is_sent_when_the_server_does_not_know_it(
    server: Server, client: Redis
) -> None:
    """A server that lost the script is told it again, within the same exchange."""
    async with open_redis(parse_place(server.url)) as budget:
        for _ in range(2):
            client.script_flush()
            assert (await budget.exchange(KEY, Ask(member="a", want=1))).granted == 1


async def test_a_restart_is_a_new_epoch(server: Server) -> None:
    """After a restart the same client goes on, and can tell that all was forgotten."""
    async with open_redis(parse_place(server.url)) as budget:
        before = await budget.exchange(KEY, Ask(member="a", want=1))
        server.stop()
        with pytest.raises(BudgetLostError, match=r"127\.0\.0\.1.*can't be reached"):
            await budget.exchange(KEY, Ask(member="a", want=1))
        server.start()
        after = await budget.exchange(KEY, Ask(member="a", want=1, epoch=before.epoch, rate=7.0))
    assert after.epoch != before.epoch
    assert (after.granted, after.rate) == (0, 7.0)
    assert after.wait == pytest.approx(1.0, abs=0.1)


async def test_a_wrong_password_is_said_and_not_shown(locked_server: Server) -> None:
    """The error of a wrong password names the server, and no password."""
    url = locked_server.url.replace("://", "://ops:hunter2@")
    async with open_redis(parse_place(url)) as budget:
        with pytest.raises(BudgetLostError, match="refuses the user or password") as caught:
            await budget.exchange(KEY, Ask(member="a"))
    assert "hunter2" not in str(caught.value)
    assert budget.name == locked_server.url


async def test_the_password_of_the_url_is_used(locked_server: Server) -> None:
    """A password in the URL opens the server."""
    url = locked_server.url.replace("://", "://:s3cret-word@")
    async with open_redis(parse_place(url)) as budget:
        assert (await budget.exchange(KEY, Ask(member="a", want=1))).granted == 1


@pytest.mark.parametrize(
    "junk",
    ["[1]", "{}", "{", "null", '{"born": "x", "seen": [], "members": 3}', "[" * 5000, "\udcff"],
    ids=["list", "empty", "cut off", "null", "wrong types", "deep", "no text"],
)
async def test_junk_counts_as_forgotten(server: Server, client: Redis, junk: str) -> None:
    """A text that makes no sense is replaced by a new life of the budget, as in a file."""
    client.set(PREFIX + KEY, junk.encode("utf-8", "surrogateescape"))
    async with open_redis(parse_place(server.url)) as budget:
        reply = await budget.exchange(KEY, Ask(member="a", want=1))
        assert reply.granted == 1
        assert (await budget.exchange(KEY, Ask(member="a"))).epoch == reply.epoch


async def test_what_is_no_text_is_refused(server: Server, client: Redis) -> None:
    """A key of another type is left alone: it is an error of the budget's, not a bug."""
    client.rpush(PREFIX + KEY, "x")
    async with open_redis(parse_place(server.url)) as budget:
        with pytest.raises(BudgetLostError, match="refuses the script"):
            await budget.exchange(KEY, Ask(member="a"))
    assert client.lrange(PREFIX + KEY, 0, -1) == ["x"]


class Mumbler:
    """Whatever answers at a port that is no server of ours."""

    def __init__(self, text: str) -> None:
        self.text = text

    async def evalsha(self, *_: object) -> str:
        """Answer."""
        return self.text


@pytest.mark.parametrize("text", ["", "[1]", '{"granted": 8}', '{"epoch": "a", "wait": NaN}'])
async def test_an_answer_that_makes_no_sense_is_a_lost_budget(text: str) -> None:
    """Nothing is started by it, and nothing ends with it: the process goes on alone."""
    budget = RedisBudget(cast("AsyncRedis", Mumbler(text)), name="redis://x")
    with pytest.raises(BudgetLostError, match="redis://x is lost: its answer makes no sense"):
        await budget.exchange(KEY, Ask(member="a"))


async def test_what_is_kept_goes_away(server: Server, client: Redis) -> None:
    """What nobody asks for during an hour is forgotten by the server itself."""
    async with open_redis(parse_place(server.url)) as budget:
        await budget.exchange(KEY, Ask(member="a"))
    assert 3590 < int(str(client.ttl(PREFIX + KEY))) <= 3600


def test_a_key_tells_nothing() -> None:
    """The key of a host holds neither its name nor who asks, and differs by both."""
    assert "example" not in KEY
    assert len({KEY, key_of("https://x.example token"), key_of("https://y.example token")}) == 3


async def test_a_server_behind_tls_is_trusted_by_its_authority(
    veiled_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`rediss://` asks whom the system trusts, and a stranger's certificate is an error."""
    async with open_redis(parse_place(veiled_server.url)) as budget:
        with pytest.raises(BudgetLostError, match="vouches for its certificate"):
            await budget.exchange(KEY, Ask(member="a", want=1))
    monkeypatch.setenv("SSL_CERT_FILE", str(veiled_server.authority))
    async with open_redis(parse_place(veiled_server.url)) as budget:
        assert (await budget.exchange(KEY, Ask(member="a", want=1))).granted == 1
