"""Find the menus by which people reach a list: from the definitions, else from the paths alone."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from manifests.models import Filter

__all__ = ["Choice", "Facet", "chosen_by_paths", "facets_of_filters", "facets_of_paths"]

ANY: Final = "all"
"""What a menu calls the choice that is left out of the path, where no definition names it."""

MOST_NAMED: Final = 2
VOWELS: Final = frozenset("aeiouy")


@dataclass(frozen=True, slots=True, kw_only=True)
class Facet:
    """One menu."""

    name: str
    """As the definitions call it: `base_model`; empty where only paths are known."""
    slugs: tuple[str, ...]
    """What can be chosen; the first is left out of the path."""

    @property
    def title(self) -> str:
        """What stands above the menu: `Base model`, `NSFW`, or the first words in it."""
        if not self.name:
            more = "…" if len(self.slugs) > MOST_NAMED + 1 else ""
            return ", ".join(self.slugs[1 : MOST_NAMED + 1]) + more

        words = self.name.replace("_", " ")
        # A word without vowels is read letter by letter.
        return words.capitalize() if VOWELS & set(words) else words.upper()


Choice: TypeAlias = tuple[int, ...]
"""For each facet the number of its chosen slug, from 0."""


def words_of(path: str) -> tuple[str, ...]:
    """Return the slugs that stand in a path."""
    return tuple(path.split("/")[1:])


def facets_of_filters(filters: Iterable[Filter]) -> tuple[tuple[Facet, ...], dict[str, Choice]]:
    """Return the facets that definitions speak of, and what each path of their matrix chooses.

    Args:
        filters: of one source, in the order of the definitions; those outside a matrix are in
            no menu.
    """
    matrix = [made for made in filters if made.slugs]
    seen: dict[str, dict[str, None]] = defaultdict(dict)
    defaults: dict[str, str] = {}
    for made in matrix:
        words = words_of(made.path)
        for name, slug in made.slugs.items():
            seen[name][slug] = None
            if slug not in words:
                defaults[name] = slug

    facets = tuple(_facet(name, slugs, defaults.get(name, ANY)) for name, slugs in seen.items())
    return facets, {made.path: _choice(facets, made.slugs) for made in matrix}


def _facet(name: str, slugs: Iterable[str], default: str) -> Facet:
    return Facet(name=name, slugs=(default, *(slug for slug in slugs if slug != default)))


def _choice(facets: Sequence[Facet], slugs: Mapping[str, str]) -> Choice:
    chosen = (slugs.get(facet.name, facet.slugs[0]) for facet in facets)
    return tuple(facet.slugs.index(slug) for facet, slug in zip(facets, chosen, strict=True))


def facets_of_paths(paths: Iterable[str]) -> tuple[Facet, ...]:
    """Guess the facets: words that never stand in one path are choices of one menu.

    For a whole matrix that is exact. What was left out of one may share a menu with others, which
    reaches the same lists. Menus stand in the order in which their words stand in paths.
    """
    beside: dict[str, set[str]] = defaultdict(set)
    places: dict[str, list[int]] = defaultdict(list)
    for words in map(words_of, paths):
        for place, word in enumerate(words):
            beside[word].update(words)
            places[word].append(place)

    groups: list[list[str]] = []
    for word in places:
        home = next((group for group in groups if beside[word].isdisjoint(group)), None)
        if home is None:
            groups.append([word])
        else:
            home.append(word)

    groups.sort(key=lambda group: _mean([place for word in group for place in places[word]]))
    return tuple(Facet(name="", slugs=(ANY, *group)) for group in groups)


def _mean(numbers: Sequence[int]) -> float:
    return sum(numbers) / len(numbers)


def chosen_by_paths(facets: Sequence[Facet], paths: Iterable[str]) -> dict[str, Choice]:
    """Return what each path chooses of guessed facets.

    A path that takes two words of one menu, or the same words as another in another order, is
    left out: no menus can tell it apart.
    """
    home = {
        word: (number, place)
        for number, facet in enumerate(facets)
        for place, word in enumerate(facet.slugs)
        if place
    }
    found: dict[Choice, str] = {}
    for path in paths:
        picks = dict(home[word] for word in words_of(path))
        if len(picks) == len(words_of(path)):
            choice = tuple(picks.get(number, 0) for number in range(len(facets)))
            found.setdefault(choice, path)

    return {path: choice for choice, path in found.items()}
