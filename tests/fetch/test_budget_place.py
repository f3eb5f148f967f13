"""A shared budget is named by a URL or a file, and no password is ever shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from manifests.errors import SettingsError
from manifests.fetch.budget_place import parse_place


@pytest.mark.parametrize(
    "text",
    [
        "",
        "localhost:6379",
        "http://localhost:6379/0",
        "redis://",
        "redis://:hunter2@",
        "redis://hunter2@host:port/0",
        "redis://ops:hunter2@host:99999/0",
        "redis://ops:hunter2@host:0/0",
        "redis://ops:hunter2@host/name",
        "redis://ops:hunter2@host/0?password=hunter2",
        "redis://ops:hunter2@host/0#hunter2",
        "redis://ops:hunter2@ho st/0",
        "redis://ops:hunter2@host/0\x1b[31m",
        "redis://[hunter2/0",
        "sqlite:",
        "sqlite:hunter2\x00",
    ],
)
def test_what_names_no_place_is_refused(text: str) -> None:
    """Anything else is refused without being repeated, with the forms that are known."""
    with pytest.raises(SettingsError, match="shared budget") as caught:
        parse_place(text)
    assert "hunter2" not in str(caught.value) + caught.value.next_step
    assert "sqlite:PATH" in caught.value.next_step


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("redis://localhost", "redis://localhost"),
        ("redis://localhost:6379/2", "redis://localhost:6379/2"),
        (" redis://ops:hunter2@cache.example:6379/0 ", "redis://cache.example:6379/0"),
        ("rediss://:hunter2@cache.example:6380", "rediss://cache.example:6380"),
        ("redis://[::1]:6379/0", "redis://[::1]:6379/0"),
        ("redis://h/", "redis://h/"),
    ],
)
def test_a_server_is_shown_without_its_password(text: str, shown: str) -> None:
    """What people see of a URL has neither user nor password; the client gets the whole."""
    place = parse_place(text)
    assert (place.shown, place.path) == (shown, None)
    assert place.secret.get_secret_value() == text.strip()
    assert "hunter2" not in repr(place)


def test_a_file_is_a_path() -> None:
    """What follows `sqlite:` is the file, absolute or not."""
    place = parse_place("sqlite:state/budget.sqlite3")
    assert (place.shown, place.path) == (
        "sqlite:state/budget.sqlite3",
        Path("state/budget.sqlite3"),
    )
