"""What upstream repeats of a token stays with it."""

from __future__ import annotations

import pytest

from manifests.fetch.received import Received, blotted, discreet, token_in

TOKEN = "hf_secret"


@pytest.mark.parametrize(
    ("headers", "token"),
    [({}, ""), ({"Authorization": f"Bearer {TOKEN}"}, TOKEN), ({"Accept": "a/b"}, "")],
)
def test_a_token_is_found(headers: dict[str, str], token: str) -> None:
    """A request carries its token in one header only."""
    assert token_in(headers) == token


@pytest.mark.parametrize(
    ("body", "packed", "left"),
    [
        (b"[]", b"packed", b"packed"),
        (b"[]", b"packed with " + TOKEN.encode(), None),
        (f'["{TOKEN}"]'.encode(), b"packed", None),
        (f'["{TOKEN}"]'.encode(), None, None),
    ],
)
def test_a_repeated_token_is_not_kept(
    body: bytes, packed: bytes | None, left: bytes | None
) -> None:
    """Neither in headers, nor in a body, nor in what stands between in its packing."""
    headers = {"etag": "x", "x-you": f"Bearer {TOKEN}"}
    found = discreet(Received(status=200, headers=headers, body=body, packed=packed), TOKEN)
    assert found.packed == left
    assert found.headers == {"etag": "x", "x-you": "Bearer [token]"}
    assert TOKEN not in repr(found)


def test_without_a_token_all_stays_as_it_came() -> None:
    """Nothing is looked for where there is nothing to find."""
    received = Received(status=200, headers={"a": "b"}, body=b"[token]", packed=b"p")
    assert discreet(received, "") is received
    assert blotted("as it is", "") == "as it is"
