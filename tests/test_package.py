"""Hold what others see of the package as a whole: its place, its version, its types."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from packaging.version import Version

import manifests


def test_the_package_is_not_the_output_folder() -> None:
    """`manifests` is the code, not the folder of that name that holds the output."""
    assert Path(manifests.__file__).name == "__init__.py"


def test_the_version_has_a_meaning() -> None:
    """The version is one that installers can compare, in its normal form."""
    assert str(Version(manifests.__version__)) == manifests.__version__


def test_types_ship() -> None:
    """Type checkers of other projects may believe the annotations."""
    assert files(manifests).joinpath("py.typed").is_file()
