"""The command line: options in, settings and wiring, exit code out."""

from __future__ import annotations

import sys

from manifests import __version__

__all__ = ["main"]


def main() -> None:
    """Run the command `manifests`."""
    if sys.argv[1:] == ["--version"]:  # without the 0.1 s that the imports below take
        sys.stdout.write(f"manifests {__version__}\n")
        return
    from manifests.cli.app import app  # noqa: PLC0415 - start-up time, see above

    app(prog_name="manifests")
