"""Compare a run's processor time with that of other tools, and write table, JSON and chart."""

from __future__ import annotations

import argparse
import sys
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import orjson

from peers.chart import draw
from peers.report import fold, goals, table
from peers.runs import measure, served
from peers.tools import AT_ONCE, OURS, TOOLS, install

BEGIN, END = "<!-- peers -->", "<!-- /peers -->"
SECTION = """{begin}
## Beside others

Written by `scripts/bench peers --docs docs`. The same {civitai} pages of CivitAI (100 models,
1.05 MB each) and {hub} of Hugging Face (1,000 models, 0.7 MB each), packed with gzip, from a server
without latency in a process of its own; {at_once} requests at once for everyone; medians of
{rounds} rounds in which the tools take turns. CPU is user and system time with start-up and
children, which is what a ratio is taken of; one page alone tells how much of it is the start. The
wall time is also the server's, and ours has the controller's: it starts slowly with a host that it
does not know. Each tool has an environment of its own, with what it needs and no more.

![Processor time for the same pages](peers.svg)

{table}

{goals}
{end}"""


def arguments() -> argparse.Namespace:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(prog="scripts/bench peers", description=__doc__)
    parser.add_argument("--civitai", type=int, default=300, metavar="N", help="pages of CivitAI")
    parser.add_argument("--hub", type=int, default=200, metavar="N", help="pages of Hugging Face")
    parser.add_argument("--only", nargs="+", metavar="TOOL", choices=[each.name for each in TOOLS])
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="turns of each tool")
    parser.add_argument("--here", action="store_true", help="install nothing for ours")
    parser.add_argument("--json", type=Path, default=Path("bench/peers.json"), metavar="FILE")
    parser.add_argument("--docs", type=Path, metavar="DIR", help="put table and chart there")
    return parser.parse_args()


def put(section: str, page: Path) -> None:
    """Put our section into *page*, in place of the one that is there."""
    text = page.read_text(encoding="utf-8") if page.exists() else "# Performance\n"
    if BEGIN in text:
        before, rest = text.split(BEGIN, 1)
        page.write_text(before + section + rest.split(END, 1)[1], encoding="utf-8")
    else:
        page.write_text(f"{text.rstrip()}\n\n{section}\n", encoding="utf-8")


def main() -> int:
    """Make the comparison, and return the exit code."""
    asked = arguments()
    # The first is the measure of the others, so that it is never left out.
    tools = [
        each for each in TOOLS if each in TOOLS[:1] or each.name in (asked.only or [each.name])
    ]
    for tool in tools:
        if not (asked.here and tool.package == OURS):
            install(tool)
    runs = []
    with contextmanager(served)(civitai=asked.civitai, hub=asked.hub) as endpoint:
        pages = {"civitai": asked.civitai, "huggingface": asked.hub}
        for run in measure(tools, endpoint, pages=pages, rounds=asked.rounds):
            runs.append(run)
            what = "a page" if run.is_start else "all"
            said = f"{run.round} {run.source} {run.tool}, {what}: {run.cpu:.2f} s of CPU\n"
            sys.stderr.write(said)
    rows = fold(runs)
    shown = table(rows)
    sys.stdout.write(f"{shown}\n")
    asked.json.parent.mkdir(parents=True, exist_ok=True)
    kept = {"rows": [asdict(row) for row in rows], "runs": [asdict(run) for run in runs]}
    asked.json.write_bytes(orjson.dumps(kept, option=orjson.OPT_INDENT_2))
    if asked.docs:
        section = SECTION.format(
            begin=BEGIN,
            end=END,
            at_once=AT_ONCE,
            civitai=asked.civitai,
            hub=asked.hub,
            rounds=asked.rounds,
            table=shown,
            goals=goals(rows),
        )
        put(section, asked.docs / "performance.md")
        (asked.docs / "peers.svg").write_text(draw(rows), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
