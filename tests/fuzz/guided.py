"""Let atheris look for bytes that break a reader, led by the lines that they reach.

    python -m tests.fuzz.guided TARGET FOLDER -max_total_time=60

The folder keeps what was found worth keeping; all that follows is libFuzzer's.
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

__all__ = ["main"]


def main() -> None:
    """Fuzz one target until it breaks or the time is over."""
    _, name, folder, *options = sys.argv
    # It is no dependency: it has to see the package being imported to follow its lines.
    atheris = import_module("atheris")
    with atheris.instrument_imports(include=["manifests", "tests.fuzz"]):
        targets = import_module("tests.fuzz.targets").TARGETS
        seeds = import_module("tests.fuzz.seeds").SEEDS

    corpus = Path(folder)
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(seeds[name]):
        (corpus / f"seed-{number}").write_bytes(seed)
    atheris.Setup([sys.argv[0], str(corpus), *options], targets[name])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
