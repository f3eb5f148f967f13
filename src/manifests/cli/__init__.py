"""The command line: options in, settings and wiring, exit code out."""

from __future__ import annotations

import gc
import os
import sys

from manifests import __version__

__all__ = ["main"]


def main() -> None:
    """Run the command `manifests`."""
    try:
        run()
    except OSError as error:
        from manifests.cli.streams import give_up_stdout  # noqa: PLC0415 - start-up time

        give_up_stdout(error)


def run() -> None:
    """Do what the command line says.

    Raises:
        OSError: what is printed can't be written; errors of other files are told elsewhere.
    """
    # Without the tenth of a second that the imports below take.
    if sys.argv[1:] == ["--version"]:
        sys.stdout.write(f"manifests {__version__}\n")
        sys.stdout.flush()
        return
    if {"list", "--help", "-h"} & {*sys.argv[1:2], *sys.argv[-1:]} and answered():
        return
    # What is imported stays, and a page makes thousands of records but hardly a cycle: to look for
    # cycles less often saves a fortieth of a start and a sixth of a run's processor time, and costs
    # no memory (scripts/bench peers).
    gc.set_threshold(50_000, 20, 100)
    from manifests.cli.app import app_for  # noqa: PLC0415 - start-up time, see above
    from manifests.cli.quick import forget_odd_sizes  # noqa: PLC0415 - as above
    from manifests.cli.streams import open_streams  # noqa: PLC0415 - as above

    forget_odd_sizes(os.environ)
    open_streams()
    command = app_for(sys.argv[1:])
    if os.environ.get("_MANIFESTS_COMPLETE") != "complete_bash":
        command(prog_name="manifests")
        return
    from manifests.cli.bashwords import whole_words  # noqa: PLC0415 - as above

    with whole_words(os.environ):
        command(prog_name="manifests")


def answered() -> bool:
    """Answer what is plain and short at once; tell whether that was it."""
    from manifests.cli.quick import answer  # noqa: PLC0415 - `--version` needs none of it

    text = answer(sys.argv[1:], os.environ)
    if text is not None:
        sys.stdout.write(text)
        sys.stdout.flush()
    return text is not None
