"""Ask CivitAI for model lists, and select here what it can't be asked for."""

from __future__ import annotations

from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING

from manifests.models import Query
from manifests.sources.base import NotSkipped, Parameter, Request, Resolution, Source, SourceInfo
from manifests.sources.civitai_names import BASE_MODELS, BLOCKED, MODEL_TYPES, PERIODS, SORTS
from manifests.sources.covering import asking_more
from manifests.sources.judging import lacking
from manifests.sources.parameters import as_values, canonical, grouped, without
from manifests.sources.text import tidy

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from manifests.models import FacetValue, Filter, Model
    from manifests.sources.base import Counter, Judge, Page, Reply, Rule

__all__ = ["CivitAI", "Level", "NotBlocked", "NotFlagged"]

PG = 1
FLAGGED = 4 | 8 | 16
MASKS = {"None": PG, "Soft": 1 | 2, "Mature": 1 | 2 | 4, "X": 1 | 2 | 4 | 8}
"""Level of a filter → the bits of which a model needs one; `XXX` is not here: it lists all."""
UNFLAGGED = frozenset({"None", "Soft"})
"""Levels that a model flagged as mature never enters, whatever its bits say."""
RANKINGS: Mapping[str, Counter] = {
    "Highest Rated": attrgetter("likes"),
    "Most Downloaded": attrgetter("downloads"),
    "Most Liked": attrgetter("likes"),
}
"""Order → the counter that it goes by."""
UNIONS = frozenset({"types", "baseModels"})
"""Parameters of which any value will do, so that fewer values list less."""

TYPE = Parameter(values=MODEL_TYPES, repeatable=True)
BASE_MODEL = Parameter(values=BASE_MODELS, repeatable=True, option="known_base_models")
PERIOD = Parameter(values=PERIODS)
YES = Parameter(values=frozenset({"true"}))
YES_OR_NO = Parameter(values=frozenset({"true", "false"}))

KEY_VARIABLE = "CIVITAI_TOKEN"
KEY_FORM = r"[A-Za-z0-9_-]{16,128}"
"""Keys have been 32 hexadecimal digits so far; no promise says that they stay so."""

INFO = SourceInfo(
    name="civitai",
    title="CivitAI",
    file_prefix="civitai",
    short="ca",
    endpoint="https://civitai.com",
    endpoint_variable="CIVITAI_ENDPOINT",
    token_variable=KEY_VARIABLE,
    token_form=KEY_FORM,
    token_advice=f"Its terms ask automated clients for a key of their own: set {KEY_VARIABLE}.",
    keys_page="/user/account",
    account_path="/api/v1/me",
    sorts=SORTS,
    facets={
        "nsfw": Parameter(values=frozenset({*MASKS, "XXX"})),
        "period": PERIOD,
        "type": TYPE,
        "base_model": BASE_MODEL,
    },
    parameters={
        "baseModels": BASE_MODEL,
        "checkpointType": Parameter(values=frozenset({"Merge", "Trained"})),
        # Upstream takes any text for true in these three, `false` too.
        "earlyAccess": YES,
        "fromPlatform": YES,
        "supportsGeneration": YES,
        "ids": Parameter(repeatable=True),
        # A boolean: a level, as in the facet of this name, would be answered with 400.
        "nsfw": YES_OR_NO,
        "period": PERIOD,
        "primaryFileOnly": YES_OR_NO,
        "query": Parameter(),
        "sort": Parameter(values=SORTS),
        "tag": Parameter(),
        "types": TYPE,
        "username": Parameter(),
    },
    options={"known_base_models": Parameter(repeatable=True)},
)


def level_of(model: Model) -> int:
    """Return a model's level bits; old records have none and are rated by their flag."""
    if model.nsfw_level is None:
        return FLAGGED if model.nsfw else PG
    return model.nsfw_level


@dataclass(frozen=True, slots=True)
class NotBlocked:
    """Keep models without the blocked bit; nobody may see the others."""

    name: str = "blocked"
    field: str = "nsfwLevel"

    def keeps(self, model: Model) -> bool:
        """Tell whether *model* is not blocked."""
        return not level_of(model) & BLOCKED


@dataclass(frozen=True, slots=True)
class NotFlagged:
    """Keep models that upstream does not flag as mature, for the levels pg and pg13."""

    name: str = "flagged"
    field: str = "nsfw"

    def keeps(self, model: Model) -> bool:
        """Tell whether *model* is not flagged."""
        return not model.nsfw


@dataclass(frozen=True, slots=True)
class Level:
    """Keep models that have something to show at a level; unrated ones have nothing."""

    mask: int
    """Bits of which a model's level needs at least one."""
    name: str = "level"
    field: str = "nsfwLevel"

    def keeps(self, model: Model) -> bool:
        """Tell whether *model* has a bit of the mask."""
        return bool(level_of(model) & self.mask)


@dataclass(frozen=True, slots=True)
class CivitAI(Source):
    """The adapter of `GET /api/v1/models`.

    Upstream is asked for types, base models, period and order, and for everything (`nsfw=true`) or
    what has a PG image (`nsfw=false`): it knows no further levels. Those are selected here by the
    bits of `nsfwLevel`, as are the blocked and the flagged models that no one asked for.
    """

    info: SourceInfo = INFO

    def resolve(self, filter_: Filter) -> Resolution:
        """Return the listing that answers a valid *filter_*, and the rules that select from it."""
        level = filter_.values.get("nsfw")
        # Everything is named, upstream's defaults too: they have changed before.
        asked = {
            "limit": ("100",),
            "nsfw": ("false" if level == "None" else "true",),
            "period": as_values(filter_.values.get("period", "AllTime")),
            "sort": (filter_.sort,),
            "types": as_values(filter_.values.get("type", ())),
            "baseModels": as_values(filter_.values.get("base_model", ())),
        }
        asked |= {name: as_values(value) for name, value in filter_.parameters.items()}
        if "query" in asked:
            del asked["sort"]  # a search has its own order, and ignores this one
        query = Query(source=self.info.name, parameters=canonical(asked))
        return Resolution(query=query, rules=tuple(rules(level, filter_.skip_models)))

    def request(self, query: Query, cursor: str | None) -> Request:
        """Describe the request for the page at *cursor*, or for the first page."""
        extra = () if cursor is None else (("cursor", cursor),)
        parameters = tuple(sorted((*query.parameters, *extra)))
        return Request(source=self.info.name, path="/api/v1/models", parameters=parameters)

    def read(self, query: Query, reply: Reply) -> Page:  # noqa: ARG002 - a page tells all itself
        """Read a page.

        Raises:
            PageError: the body as a whole is no page of a listing.
        """
        # Start-up time: who only lists filters shall not wait for what reads pages.
        from manifests.sources.civitai_page import read_page  # noqa: PLC0415 - see above

        return read_page(reply.body)

    def check(self, parameters: Mapping[str, FacetValue]) -> Iterable[str]:
        """Yield what is wrong with an explicit filter's combination of known parameters."""
        if "query" in parameters and "sort" in parameters:
            yield "`sort` has no effect beside `query`, which lists by relevance; leave one out"
        types = as_values(parameters.get("types", ()))
        if "checkpointType" in parameters and "Checkpoint" not in types:
            yield '`checkpointType` alone lists all other types too; add types = ["Checkpoint"]'
        for value in as_values(parameters.get("ids", ())):
            if not all(part.isascii() and part.isdigit() for part in value.split(",")):
                yield f"`ids` takes numbers, not {value!r}"

    def family(self, query: Query) -> object:
        """Return a hashable mark that two queries share wherever one may cover the other."""
        return without(query, UNIONS)

    def covers(self, broad: Query, narrow: Query) -> bool:
        """Tell whether *broad*, read to its end, holds all that *narrow* lists, in its order.

        Only types and base models may differ. The period may not: upstream decides it by
        `lastVersionAt`, which no response holds. Nor may `nsfw`: `true` leaves out models that
        `false` lists. A search lists by relevance, and `Newest` loses a model at each page
        boundary (civitai#1372): neither covers anything.
        """
        wide, slim = grouped(broad), grouped(narrow)
        if wide == slim or "query" in wide or "Newest" in wide.get("sort", ()):
            return False
        alike = all(wide.get(name) == slim.get(name) for name in {*wide, *slim} - UNIONS)
        return alike and all(
            name in slim and slim[name] <= wide[name] for name in UNIONS & wide.keys()
        )

    def broader(self, family: Sequence[Query]) -> dict[Query, tuple[Query, ...]]:
        """Return for each query of a family those that cover it, in their order."""
        scopes = {
            query: tuple(frozenset(query.values(name)) or None for name in sorted(UNIONS))
            for query in family
        }
        return asking_more(family, scopes, self.covers)

    def answers(self, narrow: Query, model: Model) -> bool:
        """Tell whether *narrow* would list *model*, which a query that covers it has listed."""
        types, base_models = narrow.values("types"), narrow.values("baseModels")
        if types and model.type not in types:
            return False
        return not base_models or not set(base_models).isdisjoint(model.base_models)

    def judges(self, query: Query) -> Iterable[Judge]:
        """Yield what *query* asks for that a model's record may visibly contradict."""
        return judges(query)

    def ranking(self, query: Query) -> Counter | None:
        """Return the counter by which *query* lists, highest first; None if no response has it.

        With base models, upstream counts for those alone (`ModelBaseModelMetric` in its
        `model.service.ts`), and shows the counters of the whole model all the same.
        """
        if query.values("baseModels"):
            return None
        return next((RANKINGS.get(sort) for sort in query.values("sort")), None)

    def lost_at(self, query: Query, cursor: str) -> Request | None:
        """Return the request for the model that upstream skips at *cursor*, if it skips one.

        `Newest` does (civitai#1372): the last token of its cursor is the id. All else of the query
        is asked once more beside it, so that upstream itself tells what can't be seen here: whether
        the model is of the period.
        """
        stem, _, lost = cursor.rpartition("|")
        is_id = bool(stem) and lost.isascii() and lost.isdigit()
        if not is_id or "Newest" not in query.values("sort"):
            return None
        parameters = (*without(query, frozenset({"ids"})), ("ids", lost))
        return self.request(Query(source=query.source, parameters=parameters), None)


def judges(query: Query) -> Iterator[Judge]:
    """Yield what *query* asks for and a model may not be, as far as its record tells."""
    if types := query.values("types"):
        yield lacking(types, lambda model: (model.type,), f"no {'/'.join(types)}")
    if base_models := query.values("baseModels"):
        yield lacking(base_models, attrgetter("base_models"), f"not for {'/'.join(base_models)}")
    if tags := [tidy(tag).casefold() for tag in query.values("tag")]:
        yield untagged(tags)
    if names := query.values("username"):
        wanted = [bare(name) for name in names]
        complaint = f"not by {' or '.join(names)}"
        yield lacking(wanted, lambda model: (bare(model.author or ""),), complaint)
    if ids := ",".join(query.values("ids")):
        yield lacking(ids.split(","), lambda model: (model.id,), f"not {ids}")


def untagged(tags: Sequence[str]) -> Judge:
    """Return what complains of a model without all of these tags, in whatever case of letters.

    Unlike the rest, no tags at all say something too: upstream lists all that there are.
    """
    wanted, complaint = frozenset(tags), f"not tagged {' and '.join(tags)}"
    return lambda model: None if wanted.issubset(map(str.casefold, model.tags)) else complaint


def bare(name: str) -> str:
    """Return the letters and digits of a user's name: upstream forgives all else in a question."""
    return "".join(filter(str.isalnum, name.casefold()))


def rules(level: FacetValue | None, skipped: tuple[str, ...]) -> Iterator[Rule]:
    """Yield the rules of a level, then the user's own; without a level only the blocked go."""
    # The most telling comes first, as the first rule that fails is the one that the funnel counts.
    yield NotBlocked()
    if level in UNFLAGGED:
        yield NotFlagged()
    if isinstance(level, str) and level in MASKS:
        yield Level(MASKS[level])
    if skipped:
        yield NotSkipped(frozenset(skipped))
