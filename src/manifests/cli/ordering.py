"""Turn the options of a run, as they were given, into what the run is told."""

from __future__ import annotations

from dataclasses import dataclass
from shlex import quote
from typing import TYPE_CHECKING

from manifests.cli.configuring import configuration_of
from manifests.cli.generate import Order
from manifests.cli.options import FILTERS, OUT, STATE, LogFormat
from manifests.cli.remembering import MemoryFlags
from manifests.cli.reporting import parse_reports
from manifests.cli.wiring import FetchFlags, settings_of
from manifests.discovery import NAMES
from manifests.settings import parse_duration
from manifests.sharding import parse_shard

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import typer

    from manifests.cli.explain import Question
    from manifests.settings import Configuration, Settings

__all__ = ["RunFlags", "order_of", "order_of_flags", "question_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFlags:
    """The options of `generate`, `retry` and `test-filter`; `cli/options.py` says what each is.

    A field bears the name of the parameter; what a command does not take is as it is here.
    """

    filters: Path = FILTERS
    out: Path = OUT
    path: str = ""
    only: Sequence[str] | None = None
    source: str | None = None
    shard: str | None = None
    style: str | None = None
    sandbox: bool = False
    max_concurrency: int = 8
    fixed: str | None = None
    shared_budget: str | None = None
    attempts: int = 8
    deadline: str = "30m"
    max_failed: str = "10%"
    wait: str = "0s"
    state: Path = STATE
    resume: bool = True
    resume_within: str = "1h"
    fresh_within: str = "0s"
    cache: bool = True
    report: Sequence[Path] | None = None
    form: str | None = None
    dry_run: bool = False
    publish: bool = False
    as_json: bool = False
    quiet: bool = False
    verbose: int = 0
    log_format: LogFormat = LogFormat.TEXT
    no_color: bool = False

    @property
    def fetch(self) -> FetchFlags:
        """Those of every command that fetches."""
        return FetchFlags(
            filters=self.filters,
            out=self.out,
            sandbox=self.sandbox,
            concurrency=self.max_concurrency,
            pace=self.fixed,
            attempts=self.attempts,
            deadline=self.deadline,
            state=self.state,
        )

    @property
    def memory(self) -> MemoryFlags:
        """Those about earlier runs and other ones."""
        return MemoryFlags(
            self.state, self.wait, self.resume, self.resume_within, self.fresh_within, self.cache
        )

    def settings(self, configuration: Configuration | None) -> Settings:
        """Return the settings that they make, with settings file and environment."""
        return settings_of(
            self.fetch,
            configuration=configuration,
            style=self.style,
            max_failed=self.max_failed,
            budget=self.shared_budget,
            dry_run=self.dry_run,
        )


def order_of(context: typer.Context) -> Order:
    """Return what `generate` or `retry` is told.

    Raises:
        SettingsError: naming the flag's value, or the variable, that is unusable.
    """
    return order_of_flags(RunFlags(**context.params), configuration_of(context))


def order_of_flags(flags: RunFlags, configuration: Configuration | None) -> Order:
    """Return what a run is told by its flags and the settings file.

    Raises:
        SettingsError: naming the flag's value, or the variable, that is unusable.
    """
    return Order(
        settings=flags.settings(configuration),
        only=flags.only or (),
        source=flags.source,
        shard=None if flags.shard is None else parse_shard(flags.shard),
        sandbox=flags.sandbox,
        remembrance=flags.memory.remembrance(),
        reports=parse_reports(flags.report or (), form=flags.form),
        quiet=flags.quiet,
        verbose=flags.verbose,
        flags=f"{same_file(configuration)}{flags.fetch.same_upstream()}",
        notes=configuration.notes if configuration else (),
    )


def same_file(configuration: Configuration | None) -> str:
    """Return the option that names the settings file again, where it isn't found by itself."""
    origin = configuration.origin if configuration else None
    if origin is None or str(origin) in NAMES:
        return ""
    return f" --config {quote(str(origin))}"


def question_of(context: typer.Context) -> Question:
    """Return what `test-filter` is asked.

    Raises:
        SettingsError: naming the flag's value, or the variable, that is unusable.
    """
    from manifests.cli.explain import Question  # noqa: PLC0415 - `generate` needs none of it

    flags = RunFlags(**context.params)
    return Question(
        path=flags.path,
        settings=flags.settings(configuration_of(context)),
        sandbox=flags.sandbox,
        publish=flags.publish,
        state=flags.state,
        wait=parse_duration(flags.wait),
        as_json=flags.as_json,
    )
