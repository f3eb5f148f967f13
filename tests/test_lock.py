"""Hold the locks, and `requirements.lock` against `pyproject.toml`, without asking any registry."""

from __future__ import annotations

import re
import tomllib
from importlib import metadata
from itertools import chain
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
LOCKS = sorted(ROOT.glob("requirements*.lock"))
RELOCK = "requirements.lock is out of date: run scripts/lock"


def read_pins() -> dict[str, str]:
    """Return the locked version of each distribution that this interpreter installs."""
    lines = re.findall(r"^[\w.-]+==[^\\\n]+", LOCK, re.MULTILINE)
    pins = [Requirement(line) for line in lines]
    return {
        canonicalize_name(pin.name): str(pin.specifier).removeprefix("==")
        for pin in pins
        if pin.marker is None or pin.marker.evaluate()
    }


def is_installed() -> bool:
    """Tell whether this environment holds the locked versions, so that they can be asked."""
    here = {canonicalize_name(found.name): found.version for found in metadata.distributions()}
    return PINS.items() <= here.items()


PINS = read_pins()
DIRECT = sorted(
    chain(
        PROJECT["build-system"]["requires"],
        PROJECT["project"]["dependencies"],
        PROJECT["dependency-groups"]["dev"],
    )
)


def applies(requirement: Requirement, extras: set[str]) -> bool:
    """Tell whether *requirement* counts on this interpreter when *extras* are asked for."""
    marker = requirement.marker
    return marker is None or any(marker.evaluate({"extra": extra}) for extra in extras | {""})


def unmet(requirement: Requirement) -> bool:
    """Tell whether no pin satisfies *requirement*."""
    pin = PINS.get(canonicalize_name(requirement.name))
    return pin is None or not requirement.specifier.contains(pin, prereleases=True)


@pytest.mark.parametrize("line", DIRECT)
def test_what_the_project_asks_for_is_locked(line: str) -> None:
    """Each requirement has a pin that satisfies it."""
    assert not unmet(Requirement(line)), RELOCK


@pytest.mark.skipif(not is_installed(), reason="scripts/environment did not make this environment")
def test_the_lock_is_complete_and_has_nothing_else() -> None:
    """Following requirements from the project leads to each pin, and to nothing without one."""
    reached: set[str] = set()
    missing: list[str] = []
    ahead = [Requirement(line) for line in DIRECT]
    while ahead:
        wanted = ahead.pop()
        name = canonicalize_name(wanted.name)
        if unmet(wanted):
            missing.append(str(wanted))
        elif name not in reached or wanted.extras:
            needs = [Requirement(line) for line in metadata.requires(name) or ()]
            # Its extras are dropped once they are resolved, so that circles of them come to an end.
            ahead += [need for need in needs if applies(need, wanted.extras)]
        reached.add(name)

    assert missing == [], RELOCK
    assert set(PINS) - reached == set(), RELOCK


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.name)
def test_each_pin_has_hashes(path: Path) -> None:
    """No pin can be served with other content than it was locked with."""
    text = path.read_text(encoding="utf-8")
    assert re.findall(r"^[\w.-]+(?!\S*==)", text, re.MULTILINE) == []
    blocks = re.split(r"^(?=[\w.-]+==)", text, flags=re.MULTILINE)[1:]
    assert len(blocks) > 20
    assert [block.split()[0] for block in blocks if "--hash=sha256:" not in block] == []


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.name)
def test_a_lock_names_no_registry(path: Path) -> None:
    """Where packages come from is for each machine to say."""
    text = path.read_text(encoding="utf-8")
    assert re.findall(r"^\s*-.*(?:index|links|host)|://", text, re.MULTILINE) == []
