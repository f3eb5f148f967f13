"""Keep a shared budget on a Redis or Valkey server; the one home of redis."""

from __future__ import annotations

import hashlib
import json
import ssl
from contextlib import asynccontextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Final

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, NoScriptError, RedisError, ResponseError

from manifests.fetch.budget import BudgetLostError, read_reply
from manifests.fetch.budget_script import SCRIPT

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from manifests.fetch.budget import Ask, Reply
    from manifests.fetch.budget_place import Place

__all__ = ["RedisBudget", "open_redis"]

PATIENCE: Final = 1.0
"""Seconds for a connection, and for an answer; requests wait meanwhile."""
PREFIX: Final = "manifests:budget:"
DIGEST: Final = hashlib.sha1(SCRIPT.encode(), usedforsecurity=False).hexdigest()
"""The name that the server gives the script."""


class RedisBudget:
    """Asks the server, which runs one script at a time, on its own clock."""

    def __init__(self, client: Redis, *, name: str) -> None:
        self._client = client
        self._name = name

    @property
    def name(self) -> str:
        """Where it is, without user and password."""
        return self._name

    async def exchange(self, key: str, ask: Ask) -> Reply:
        """Tell and ask in one round trip; in two when the server does not know the script.

        Raises:
            BudgetLostError: the server can't be reached, is too slow, refuses, or makes no sense.
        """
        text = json.dumps(asdict(ask))
        try:
            return read_reply(await self._run(PREFIX + key, text))
        except AuthenticationError as error:
            raise self._lost("it refuses the user or password") from error
        except ResponseError as error:
            raise self._lost("it refuses the script") from error
        except (OSError, RedisError) as error:
            raise self._lost(why(error)) from error
        except ValueError as error:  # whoever answers there does not run the script
            raise self._lost("its answer makes no sense") from error

    async def _run(self, key: str, text: str) -> str:
        try:
            return str(await self._client.evalsha(DIGEST, 1, key, text))
        except NoScriptError:  # it was restarted, or never met the script
            return str(await self._client.eval(SCRIPT, 1, key, text))

    def _lost(self, reason: str) -> BudgetLostError:
        return BudgetLostError(f"the shared budget at {self._name} is lost: {reason}")


def why(error: Exception) -> str:
    """Return why a server did not answer, in words for people."""
    # What redis raises came up while it dealt with what ssl had raised.
    if isinstance(error.__context__, ssl.SSLCertVerificationError):
        return "nobody whom this system trusts vouches for its certificate"
    return "it can't be reached"


@asynccontextmanager
async def open_redis(place: Place) -> AsyncIterator[RedisBudget]:
    """Yield the budget at *place*; it is connected to when it is first asked."""
    client = Redis.from_url(
        place.secret.get_secret_value(),
        socket_timeout=PATIENCE,
        socket_connect_timeout=PATIENCE,
        retry=Retry(NoBackoff(), 0),
        decode_responses=True,
    )
    async with client:
        yield RedisBudget(client, name=place.shown)
