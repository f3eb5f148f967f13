"""Ask Hugging Face for model lists, and select here what it can't be asked for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING

from manifests.models import Query
from manifests.sources.base import NotSkipped, Parameter, Request, Resolution, Source, SourceInfo
from manifests.sources.covering import asking_less
from manifests.sources.huggingface_names import LICENSE
from manifests.sources.judging import other, unless_tagged
from manifests.sources.parameters import as_values, canonical, grouped, without

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from manifests.models import FacetValue, Filter, Model
    from manifests.sources.base import Counter, Judge, Page, Reply, Rule

__all__ = ["HuggingFace", "License", "Size"]

SORTS = frozenset({"createdAt", "downloads", "lastModified", "likes", "trendingScore"})
BILLION = 10**9
SIZES = {"<7B": "small", "7-13B": "medium", ">13B": "large"}
"""Value of the size facet → its name in `unknown_size`."""
PROPERTIES = (
    "author",
    "createdAt",
    "disabled",
    "downloads",
    "gated",
    "lastModified",
    "library_name",
    "likes",
    "pipeline_tag",
    "private",
    "safetensors",
    "tags",
)
"""What is asked for by name, as a plain list lacks several and carries others for nothing."""
RANGE = re.compile(r"(min|max):[0-9.]+[KMBT]?|min:[0-9.]+[KMBT]?,max:[0-9.]+[KMBT]?", re.IGNORECASE)
SORT = Parameter(values=SORTS)
MANY = Parameter(repeatable=True)

KEY_VARIABLE = "HF_TOKEN"
KEY_FORM = r"hf_[A-Za-z0-9]{8,}"


def token_file(environment: Mapping[str, str]) -> str:
    """Return where Hugging Face's own client keeps its token (huggingface_hub `constants.py`)."""
    cache = environment.get("XDG_CACHE_HOME") or "~/.cache"
    home = environment.get("HF_HOME") or f"{cache}/huggingface"
    return environment.get("HF_TOKEN_PATH") or f"{home}/token"


INFO = SourceInfo(
    name="huggingface",
    title="Hugging Face",
    file_prefix="hf",
    short="hf",
    endpoint="https://huggingface.co",
    endpoint_variable="HF_ENDPOINT",
    token_variable=KEY_VARIABLE,
    token_form=KEY_FORM,
    token_file=token_file,
    keys_page="/settings/tokens",
    account_path="/api/whoami-v2",
    quotas={"anonymous": (500, 300.0), "token": (1000, 300.0)},
    sorts=SORTS,
    facets={
        "sort": SORT,
        "size": Parameter(values=frozenset({"", *SIZES})),
        "license": MANY,
    },
    parameters={
        "apps": MANY,
        "author": Parameter(),
        "filter": MANY,
        "gated": Parameter(values=frozenset({"true", "false"})),
        "inference": Parameter(values=frozenset({"warm"})),
        "inference_provider": MANY,
        "library": Parameter(),
        "num_parameters": Parameter(),
        "pipeline_tag": Parameter(),
        "search": MANY,
        "sort": SORT,
        "trained_dataset": MANY,
    },
    options={"unknown_size": Parameter(values=frozenset({*SIZES.values(), "none"}))},
)

RANKINGS: Mapping[str, Counter] = {
    "downloads": attrgetter("downloads"),
    "likes": attrgetter("likes"),
}
"""Order → the counter that it goes by."""


@dataclass(frozen=True, slots=True)
class Size:
    """Keep models of one size class: small < 7e9 ≤ medium ≤ 13e9 < large, in weights."""

    kind: str
    """`small`, `medium` or `large`."""
    unknown: str
    """The class to which models of unknown size belong, or `none`."""
    name: str = "size"
    field: str = "safetensors.total"

    def keeps(self, model: Model) -> bool:
        """Tell whether *model* is of the class."""
        return self.kind == (size_class(model.parameters) or self.unknown)


@dataclass(frozen=True, slots=True)
class License:
    """Keep models under any of the wanted licences, if some are, and under no unwanted one."""

    wanted: frozenset[str] = frozenset()
    """Tags such as `license:mit`."""
    unwanted: frozenset[str] = frozenset()
    """The same; a model without any licence has none of these."""
    name: str = "license"
    field: str = "tags"

    def keeps(self, model: Model) -> bool:
        """Tell whether *model* is under such a licence."""
        welcome = not self.wanted or not self.wanted.isdisjoint(model.tags)
        return welcome and self.unwanted.isdisjoint(model.tags)


@dataclass(frozen=True, slots=True)
class HuggingFace(Source):
    """The adapter of `GET /api/models`.

    Upstream is asked for the order and for one wanted licence, as a tag. Its repeated tags must
    all be there, so several wanted licences are selected here by `tags`, as are unwanted ones. The
    size is selected here too: `num_parameters` would leave out all models that publish none.
    """

    info: SourceInfo = INFO

    def resolve(self, filter_: Filter) -> Resolution:
        """Return the listing that answers a valid *filter_*, and the rules that select from it."""
        tags = license_rule(as_values(filter_.values.get("license", ())))
        explicit = {name: as_values(value) for name, value in filter_.parameters.items()}
        asked = {
            # Few large pages: every request counts against the quota, whatever its size.
            "limit": ("1000",),
            "expand": PROPERTIES,
            "sort": as_values(filter_.values.get("sort", filter_.sort)),
            **explicit,
            # All tags of a listing must be there, so those of the user's own add to the licence's.
            "filter": (*asked_upstream(tags), *explicit.get("filter", ())),
        }
        query = Query(source=self.info.name, parameters=canonical(asked))
        return Resolution(query=query, rules=tuple(rules(filter_, tags)))

    def request(self, query: Query, cursor: str | None) -> Request:
        """Describe the request for the page at *cursor*, or for the first page."""
        extra = () if cursor is None else (("cursor", cursor),)
        parameters = tuple(sorted((*query.parameters, *extra)))
        return Request(source=self.info.name, path="/api/models", parameters=parameters)

    def read(self, query: Query, reply: Reply) -> Page:  # noqa: ARG002 - a page tells all itself
        """Read a page.

        Raises:
            PageError: the body as a whole is no page of a listing.
        """
        # Start-up time: who only lists filters shall not wait for what reads pages.
        from manifests.sources.huggingface_page import read_page  # noqa: PLC0415 - see above

        return read_page(reply)

    def check(self, parameters: Mapping[str, FacetValue]) -> Iterable[str]:
        """Yield what is wrong with an explicit filter's combination of known parameters."""
        for value in as_values(parameters.get("num_parameters", ())):
            if not RANGE.fullmatch(value):
                yield f"`num_parameters` takes a range such as min:6B,max:128B, not {value!r}"

    def family(self, query: Query) -> object:
        """Return a hashable mark that two queries share wherever one may cover the other."""
        return without(query, frozenset({"filter"}))

    def covers(self, broad: Query, narrow: Query) -> bool:
        """Tell whether *broad*, read to its end, holds all that *narrow* lists, in its order.

        So it is when *narrow* asks for the same and for more tags. These must be of the form
        `license:mit`: upstream also finds tasks and libraries that stand in no tag of a model.
        """
        wide, slim = grouped(broad), grouped(narrow)
        few, many = wide.pop("filter", frozenset()), slim.pop("filter", frozenset())
        return wide == slim and few < many and all(":" in tag for tag in many - few)

    def broader(self, family: Sequence[Query]) -> dict[Query, tuple[Query, ...]]:
        """Return for each query of a family those that cover it, in their order."""
        tags = {query: frozenset(query.values("filter")) for query in family}
        return asking_less(family, tags, self.covers)

    def answers(self, narrow: Query, model: Model) -> bool:
        """Tell whether *narrow* would list *model*, which a query that covers it has listed.

        Both queries ask for the same tasks and libraries, so that only the further tags decide.
        """
        return {tag for tag in narrow.values("filter") if ":" in tag}.issubset(model.tags)

    def judges(self, query: Query) -> Iterable[Judge]:
        """Yield what *query* asks for that a model's record may visibly contradict."""
        return judges(query)

    def ranking(self, query: Query) -> Counter | None:
        """Return the counter by which *query* lists, highest first; None if no response has it."""
        return next((RANKINGS.get(sort) for sort in query.values("sort")), None)


def judges(query: Query) -> Iterator[Judge]:
    """Yield what *query* asks for and a model may not be, as far as its record tells.

    Only tags of the form `license:mit` must stand in a model that carries them: upstream also finds
    tasks and libraries by `filter`, and libraries by a tag.
    """
    asked = [tag.strip() for value in query.values("filter") for tag in value.split(",")]
    if tags := [tag for tag in asked if ":" in tag]:
        yield untagged(tags)
    if authors := query.values("author"):
        yield other(authors, attrgetter("author"), f"not by {authors[0]}")
    for name in ("pipeline_tag", "library"):
        if values := query.values(name):
            judge = other(values, attrgetter(name), f"not for {values[0]}")
            yield unless_tagged(values, judge)


def untagged(tags: Sequence[str]) -> Judge:
    """Return what complains of the first tag that a model lacks, in either case of letters."""
    exact = frozenset(tags)

    def judge(model: Model) -> str | None:
        if exact.issubset(model.tags):
            return None
        known = set(map(str.casefold, model.tags))
        missing = (tag for tag in tags if tag.casefold() not in known)
        return next((f"not tagged {tag}" for tag in missing), None)

    return judge


def size_class(parameters: int | None) -> str | None:
    """Return the class of a number of weights, or None where it is not known."""
    if parameters is None:
        return None
    if parameters < 7 * BILLION:
        return "small"
    return "medium" if parameters <= 13 * BILLION else "large"


def license_rule(values: Iterable[str]) -> License:
    """Return what a facet's values ask for: `mit` is wanted, `!mit` is unwanted."""
    names = set(values)
    unwanted = {name for name in names if name.startswith("!")}
    return License(
        wanted=frozenset(LICENSE + name for name in names - unwanted),
        unwanted=frozenset(LICENSE + name.removeprefix("!") for name in unwanted),
    )


def asked_upstream(tags: License) -> frozenset[str]:
    """Return the tags that upstream can be asked for: a single wanted licence."""
    return tags.wanted if len(tags.wanted) == 1 else frozenset()


def rules(filter_: Filter, tags: License) -> Iterator[Rule]:
    """Yield the rules of size and licence that upstream can't apply, then the user's own."""
    size = filter_.values.get("size", "")
    if isinstance(size, str) and size:
        yield Size(SIZES[size], filter_.options.get("unknown_size", "none"))
    here = License(wanted=tags.wanted - asked_upstream(tags), unwanted=tags.unwanted)
    if here.wanted or here.unwanted:
        yield here
    if filter_.skip_models:
        yield NotSkipped(frozenset(filter_.skip_models))
