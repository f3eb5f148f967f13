"""Hold that Hugging Face's pages are read whole, odd records apart, and where a listing goes on."""

from __future__ import annotations

import json
from dataclasses import fields

import pytest

from manifests.errors import PageError
from manifests.sources.base import Entry, Page, Reply
from manifests.sources.huggingface_page import next_cursor, read_page, size_in_name


def read(value: object, **headers: str) -> Page:
    """Return the page that a JSON value makes."""
    return read_page(Reply(body=json.dumps(value).encode(), headers=headers))


def read_one(**fields: object) -> Entry:
    """Return what becomes of one record."""
    (found,) = read([{"id": "owner/name", **fields}]).entries
    return found


@pytest.mark.parametrize(
    ("body", "cause"),
    [
        (b"", "the body is empty"),
        (b" \n", "the body is empty"),
        (b"<html>", "no complete JSON; it begins with “<html>”"),
        (b'[{"id": "a/b"}', "no complete JSON"),
        (b"{}", "a list was expected"),
        (b"3", "a list was expected"),
        (b'{"items": []}', "a list was expected"),
        (b'{"error": "Internal Error - We\'re working"}', "good answer: “Internal Error - We're"),
        (b'{"error": "' + b"x" * 999 + b'"}', f"“{'x' * 80}”"),
        (b"[{}, {}]", "none of 2 records can be read; first: id: Field required"),
    ],
)
def test_what_is_no_page_is_refused(body: bytes, cause: str) -> None:
    """A body that is no page raises, with upstream's own words where it has any."""
    with pytest.raises(PageError) as caught:
        read_page(Reply(body=body, headers={}))
    assert cause in caught.value.cause
    assert len(caught.value.cause) < 250


@pytest.mark.parametrize(
    ("odd", "record", "reason"),
    [
        ({}, "#1", "id: Field required"),
        ({"id": 3}, "3", "id: Input should be a valid string"),
        ({"id": ""}, "#1", "id: String should match pattern"),
        ({"id": "a b"}, "a b", "id: String should match pattern"),
        ({"id": "a/b/c"}, "a/b/c", "id: String should match pattern"),
        ({"id": "a/b", "tags": "en"}, "a/b", "tags: Input should be a valid list"),
        ({"id": "a/b", "tags": [None]}, "a/b", "tags.0: Input should be a valid string"),
        ({"id": "a/\udc00"}, "a/", "id: Input should be a valid string"),
        ({"id": "a/b", "downloads": "many"}, "a/b", "downloads: Input should be a valid integer"),
        ({"id": "a/b", "private": True}, "a/b", "the repository is private"),
        ({"id": "a/b", "disabled": True}, "a/b", "the repository is disabled"),
        ([], "#1", "Input should be"),
    ],
)
def test_an_odd_record_costs_only_itself(odd: object, record: str, reason: str) -> None:
    """The other records and the cursor are kept; what no one could load is left out likewise."""
    found = read([odd, {"id": "c/d"}], link='<https://x/?cursor=k>; rel="next"')
    assert [entry.model.id for entry in found.entries] == ["c/d"]
    assert found.cursor == "k"
    (dropped,) = found.dropped
    assert dropped.record == record
    assert dropped.reason.startswith(reason)


def test_a_page_of_private_repositories_is_a_page() -> None:
    """Records that can be read, but not be used, are no sign of a changed shape."""
    found = read([{"id": "a/b", "private": True}, {"id": "a/c", "private": True}])
    assert (found.entries, len(found.dropped)) == ((), 2)


@pytest.mark.parametrize(
    ("header", "cursor"),
    [
        ("", None),
        ('<https://huggingface.co/api/models?limit=1&cursor=abc%3D>; rel="next"', "abc="),
        ("<https://elsewhere.example/?cursor=a>; rel=next", "a"),
        ("</api/models?cursor=a&sort=likes>;rel=NEXT", "a"),
        ('<https://x/?cursor=p>; rel="prev", <https://x/?cursor=n>; rel="next"', "n"),
        ('<https://x/?cursor=n>; title="a, <b>; rel=prev"; rel="last next"', "n"),
        ('<https://x/?cursor=n>; title="\\"; rel=x"; REL = "next" ; foo', "n"),
        ('<https://x/?cursor=n>; rel="prev"; rel="next"', None),
        ('<https://x/?cursor=n>; rel="nextish"', None),
        ("<https://x/style.css>; rel=preload; as=style", None),
        ("<https://x/>", None),
    ],
)
def test_the_cursor_is_that_of_the_next_link(header: str, cursor: str | None) -> None:
    """Links are told apart by `rel`; of the next one only the cursor is taken."""
    assert next_cursor(header) == cursor


@pytest.mark.parametrize(
    "header",
    [
        '<https://x/?page=2>; rel="next"',
        '<https://x/?cursor=>; rel="next"',
        '<http://[?cursor=a>; rel="next"',
        '<https://x/?cursor=a; rel="next"',
        '<https://x/?cursor=a>; rel="prev", <https://x/?curs',
        "nonsense",
    ],
)
def test_a_next_page_that_can_not_be_followed_is_refused(header: str) -> None:
    """A listing that goes on, or may do so, must not look as if it had ended."""
    with pytest.raises(PageError):
        next_cursor(header)


def test_the_least_record_invents_nothing() -> None:
    """What upstream leaves out is null or empty, and null says no more than absence."""
    model = read_one().model
    left_out = {each.name for each in fields(model)} - {
        "id",
        "source",
        "slug",
        "name",
        "url",
        "author",
    }
    assert {getattr(model, name) or None for name in left_out} == {None}
    assert (model.name, model.author, model.slug) == ("name", "owner", "owner--name")
    assert model.url == "https://huggingface.co/owner/name"
    keys = (
        "author private disabled gated tags pipeline_tag library_name safetensors downloads likes"
    )
    assert read_one(**dict.fromkeys(keys.split())) == read_one()


def test_old_ids_have_no_owner() -> None:
    """Some repositories of the first days stand under a bare name, and `modelId` is as good."""
    (found,) = read([{"modelId": "gpt2"}]).entries
    assert (found.model.id, found.model.slug, found.model.author) == ("gpt2", "gpt2", None)


def test_a_whole_record_is_read() -> None:
    """Every property that is asked for ends in its field."""
    found = read_one(
        author="Owner\u200b",
        gated="auto",
        tags=[
            *("gguf", "GGUF", "safetensors", "en", "license:mit", "license:apache-2.0"),
            *(
                "base_model:a/b",
                "base_model:finetune:a/b",
                "base_model:c/d",
                "base_model:adapter:c/d",
            ),
        ],
        pipeline_tag="text-generation",
        library_name="transformers",
        safetensors={"parameters": {"BF16": 5}, "total": 5},
        downloads=10,
        likes=2,
        createdAt="2022-03-02T23:29:04.000Z",
        lastModified="2024-01-01T00:00:00.000Z",
    )
    model = found.model
    assert (model.author, model.gated, model.license) == ("Owner", "auto", "apache-2.0")
    assert "license:mit" in model.tags
    assert model.base_models == ("a/b", "c/d")
    assert model.file_formats == ("gguf", "safetensors")
    assert (model.pipeline_tag, model.library, model.parameters) == (
        "text-generation",
        "transformers",
        5,
    )
    assert (model.created_at, model.updated_at) == (
        "2022-03-02T23:29:04.000Z",
        "2024-01-01T00:00:00.000Z",
    )
    assert (found.stats.downloads, found.stats.likes) == (10, 2)


def test_all_tags_are_kept() -> None:
    """One repository has 4,046 tags; selection needs each of them."""
    assert len(read_one(tags=[f"language-{n}" for n in range(4046)]).model.tags) == 4046


@pytest.mark.parametrize(
    ("gated", "kept"),
    [(False, None), ("auto", "auto"), ("manual", "manual"), (True, "manual"), ("odd", None)],
)
def test_gates_are_words_or_nothing(gated: object, kept: str | None) -> None:
    """The field mixes booleans and words; a gate of unknown kind counts as the stricter."""
    assert read_one(gated=gated).model.gated == kept


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("Llama-2-7b-hf", 7_000_000_000),
        ("Llama_7B-chat", 7_000_000_000),
        ("Qwen2.5-1.5B", 1_500_000_000),
        ("opt-350M", 350_000_000),
        ("Mixtral-8x7B-v0.1", 56_000_000_000),
        ("mixtral-8x22b", 176_000_000_000),
        ("Qwen3-30B-A3B", 30_000_000_000),
        ("MobileLLM-125M-4bit", 125_000_000),
        ("13B", 13_000_000_000),
        ("model-4bit", None),
        ("model-v2b", None),
        ("laion2b-s34b", None),
        ("bloom-4.5bpw", None),
        ("Llama-128k", None),
        ("tiny-0B", None),
        ("gpt2", None),
    ],
)
def test_sizes_are_read_from_names(name: str, size: int | None) -> None:
    """A number with B or M that stands by itself is a size, times its experts."""
    assert size_in_name(name) == size
    assert read_one(id=f"70b-labs/{name}").model.parameters == size


@pytest.mark.parametrize("weights", [None, {}, {"total": None}, {"total": 0}])
def test_the_name_is_asked_only_where_upstream_is_silent(weights: object) -> None:
    """A published number of weights comes before the name's."""
    assert read_one(id="a/b-7b", safetensors=weights).model.parameters == 7_000_000_000
    assert read_one(id="a/b-7b", safetensors={"total": 6}).model.parameters == 6
