"""The command line: options in, settings and wiring, exit code out."""

from __future__ import annotations

import sys

from manifests import __version__

__all__ = ["main"]


def main() -> None:
    """Run the command `manifests`."""
    # Without the tenth of a second that the imports below take.
    if sys.argv[1:] == ["--version"]:
        sys.stdout.write(f"manifests {__version__}\n")
        return
    if sys.argv[1:2] in (["list"], ["--help"], ["-h"]) and answered():
        return
    from manifests.cli.app import app  # noqa: PLC0415 - start-up time, see above

    app(prog_name="manifests")


def answered() -> bool:
    """Answer what is plain and short at once; tell whether that was it."""
    import os  # noqa: PLC0415 - start-up time, as below

    from manifests.cli.quick import answer  # noqa: PLC0415

    text = answer(sys.argv[1:], os.environ)
    if text is not None:
        sys.stdout.write(text)
    return text is not None
