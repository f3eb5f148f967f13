"""Say what a source tells the rest of the house: requests to send, pages to read, rules to apply.

A source never does I/O. It describes the next request, reads a decoded page, and names the rules
that select a filter's models from a listing.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, TypeAlias

from manifests.models import plentiful

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from manifests.models import FacetValue, Filter, Model, Query, Stats

__all__ = [
    "Counter",
    "Dropped",
    "Entry",
    "Judge",
    "NotSkipped",
    "Page",
    "Parameter",
    "Reply",
    "Request",
    "Resolution",
    "Rule",
    "Source",
    "SourceInfo",
]

Judge: TypeAlias = "Callable[[Model], str | None]"
"""Tells what was asked for and a model is not: `no LORA`; None where nothing speaks against it."""

Counter: TypeAlias = "Callable[[Stats], int | None]"
"""Tells one counter of a model, as far as it is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """What may stand behind one name in a definition file."""

    values: frozenset[str] | None = None
    """The values that upstream knows; None where any text is one."""
    repeatable: bool = False
    """Whether several values may be given, of which any will do."""
    option: str | None = None
    """The option of the definitions that adds values which upstream learned since."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceInfo:
    """The facts about a source that need no code."""

    name: str
    """As definitions and flags name it: `civitai`."""
    title: str
    """As people write it: `CivitAI`."""
    file_prefix: str
    """How the names of its manifests begin: `hf`."""
    short: str
    """Its name in compact files: `ca`."""
    endpoint: str
    """The public endpoint, without a trailing slash."""
    endpoint_variable: str
    """The environment variable that replaces the endpoint."""
    token_variable: str
    """The environment variable that holds a token."""
    token_file: Callable[[Mapping[str, str]], str] | None = None
    """Environment → path of the file in which the source's own client keeps a token, if it does."""
    token_form: str | None = None
    """A regular expression that every well-formed token matches as a whole."""
    token_advice: str = ""
    """Said once to whoever asks without a token."""
    keys_page: str = ""
    """Path of the page on which people make tokens."""
    account_path: str | None = None
    """Path that answers 200 to an accepted token only; None when there is none."""
    quotas: Mapping[str, tuple[int, float]] = field(default_factory=dict)
    """`anonymous` and `token` → published quota: calls in so many seconds."""
    sorts: frozenset[str] = frozenset()
    """Upstream's own names of its orders."""
    facets: Mapping[str, Parameter] = field(default_factory=dict)
    """Facets that definitions may use, by name."""
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    """Upstream parameters that an explicit filter may use, by name."""
    options: Mapping[str, Parameter] = field(default_factory=dict)
    """Further top-level keys of this source's definition file."""

    @property
    def models_file(self) -> str:
        """Name of the published catalogue: `huggingface-models.json`."""
        return f"{self.name}-models.json"

    @property
    def stats_file(self) -> str:
        """Name of the published counters: `huggingface-stats.json`."""
        return f"{self.name}-stats.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One GET to send: the fetcher puts the endpoint before it and the token beside it."""

    source: str
    path: str
    """Absolute path on the endpoint: `/api/models`."""
    parameters: tuple[tuple[str, str], ...]
    conditions: tuple[tuple[str, str], ...] = ()
    """Headers that ask for the body only if it is another: `If-None-Match` and its tag."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One good response, read whole and decoded."""

    body: bytes
    headers: Mapping[str, str]
    """Names in lower case."""
    not_modified: bool = False
    """Whether upstream sent no body, as the one that the conditions name still holds."""
    packed: bytes | None = None
    """The same body as it came, where it came as gzip."""


@plentiful
class Entry:
    """One model of a page with its counters."""

    model: Model
    stats: Stats


@dataclass(frozen=True, slots=True, kw_only=True)
class Dropped:
    """A record of a page that could not be read; the rest of the page is kept."""

    record: str
    """Its id, or its place on the page where it has none: `#17`."""
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What one response of a query holds."""

    entries: tuple[Entry, ...] = ()
    cursor: str | None = None
    """Where the next page starts; only its absence ends a listing."""
    dropped: tuple[Dropped, ...] = ()


class Rule(Protocol):
    """A selection that is made here because upstream can't be asked for it."""

    @property
    def name(self) -> str:
        """What a person calls it: `level`."""
        ...

    @property
    def field(self) -> str:
        """Upstream's field that decides: `nsfwLevel`."""
        ...

    def keeps(self, model: Model) -> bool:
        """Tell whether *model* belongs to the filter."""
        ...


@dataclass(frozen=True, slots=True)
class NotSkipped:
    """Keep all but the models that the definitions never want to see."""

    ids: frozenset[str]
    name: str = "skip_models"
    field: str = "id"

    def keeps(self, model: Model) -> bool:
        """Tell whether *model* is not on the list."""
        return model.id not in self.ids


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """A filter in upstream's terms: the listing to ask for, and the rules applied to it here."""

    query: Query
    rules: tuple[Rule, ...] = ()
    """In the order in which they are applied; the first that fails drops a model."""


class Source(Protocol):
    """An upstream API and its adapter; stateless, pure and without I/O."""

    info: SourceInfo

    @abstractmethod
    def resolve(self, filter_: Filter) -> Resolution:
        """Return the listing that answers a valid *filter_*, and the rules that select from it."""
        ...

    @abstractmethod
    def request(self, query: Query, cursor: str | None) -> Request:
        """Describe the request for the page at *cursor*, or for the first page."""
        ...

    @abstractmethod
    def read(self, query: Query, reply: Reply) -> Page:
        """Read a page.

        Raises:
            PageError: the body as a whole is no page of a listing.
        """
        ...

    def check(self, parameters: Mapping[str, FacetValue]) -> Iterable[str]:
        """Yield what is wrong with an explicit filter's combination of known parameters."""
        return ()

    def family(self, query: Query) -> object:
        """Return a hashable mark that two queries share wherever one may cover the other."""
        return query

    def covers(self, broad: Query, narrow: Query) -> bool:
        """Tell whether *broad*, read to its end, holds all that *narrow* lists, in its order."""
        return False

    def broader(self, family: Sequence[Query]) -> dict[Query, tuple[Query, ...]]:
        """Return for each query of a family those that cover it, in their order.

        A source with large families knows a way that does not try each with each other.
        """
        return {
            narrow: tuple(
                broad for broad in family if broad != narrow and self.covers(broad, narrow)
            )
            for narrow in family
        }

    def answers(self, narrow: Query, model: Model) -> bool:
        """Tell whether *narrow* would list *model*, which a query that covers it has listed."""
        return False

    def judges(self, query: Query) -> Iterable[Judge]:
        """Yield what *query* asks for that a model's record may visibly contradict.

        What upstream left out of a model contradicts nothing.
        """
        return ()

    def ranking(self, query: Query) -> Counter | None:
        """Return the counter by which *query* lists, highest first; None if no response has it."""
        return None

    def lost_at(self, query: Query, cursor: str) -> Request | None:
        """Return the request for the model that upstream skips at *cursor*, if it skips one."""
        return None
