"""Hold what others see of the package as a whole: its place, its version, its types."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib.resources import files
from pathlib import Path
from zipfile import ZipFile

import pytest
from packaging.version import Version

import manifests

ROOT = Path(__file__).parents[1]
BUILT_FROM = ("pyproject.toml", "README.md", "LICENSE", ".gitignore", "src")
METADATA = {"METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE"}


def build(source: Path, target: Path) -> Path:
    """Return the wheel that is built of the project in *source*."""
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel"]
    command += ["--directory", str(target)]
    # With a date of the caller's, as builders of distributions set it.
    environ = {**os.environ, "SOURCE_DATE_EPOCH": "1700000000"}
    subprocess.run(command, cwd=source, env=environ, check=True, capture_output=True)
    (wheel,) = target.glob("*.whl")
    return wheel


def copy_project(target: Path) -> Path:
    """Copy what a wheel is built from, with the dates of today and without what tools left."""
    for name in BUILT_FROM:
        if (ROOT / name).is_file():
            target.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, target / name)
        else:
            leave = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / name, target / name, ignore=leave, copy_function=shutil.copyfile)
    return target


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the wheel of this checkout."""
    return build(ROOT, tmp_path_factory.mktemp("wheel"))


def test_the_package_is_not_the_output_folder() -> None:
    """`manifests` is the code, not the folder of that name that holds the output."""
    assert Path(manifests.__file__).name == "__init__.py"


def test_the_version_has_a_meaning() -> None:
    """The version is one that installers can compare, in its normal form."""
    assert str(Version(manifests.__version__)) == manifests.__version__


def test_types_ship() -> None:
    """Type checkers of other projects may believe the annotations."""
    assert files(manifests).joinpath("py.typed").is_file()


def test_the_wheel_is_the_same_wherever_it_is_built(wheel: Path, tmp_path: Path) -> None:
    """Whoever builds it of the same files gets the same bytes, and can so check a published one."""
    copied = build(copy_project(tmp_path / "copied"), tmp_path / "built")
    assert copied.name == wheel.name
    assert copied.read_bytes() == wheel.read_bytes()


def test_the_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    """Code, pages and `py.typed` are in it; tests, caches and output are not."""
    folder = ROOT / "src"
    ours = {
        path.relative_to(folder).as_posix()
        for path in (folder / "manifests").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    about = f"manifests-{manifests.__version__}.dist-info"
    with ZipFile(wheel) as archive:
        assert set(archive.namelist()) == ours | {f"{about}/{name}" for name in METADATA}


def test_the_wheel_asks_for_no_more_than_it_needs(wheel: Path) -> None:
    """It is pure Python for 3.11 and later, and brings one command."""
    about = f"manifests-{manifests.__version__}.dist-info"
    with ZipFile(wheel) as archive:
        metadata = archive.read(f"{about}/METADATA").decode().splitlines()
        commands = archive.read(f"{about}/entry_points.txt").decode().split()
    assert wheel.name.endswith("-py3-none-any.whl")
    assert "Requires-Python: >=3.11" in metadata
    assert commands == ["[console_scripts]", "manifests", "=", "manifests.cli:main"]
