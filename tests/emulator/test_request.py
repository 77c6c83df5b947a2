"""Reading requests: paths, formats, merging and tokens."""

from __future__ import annotations

import pytest

from cronapi.emulator.refusal import Refusal
from cronapi.emulator.request import Request, read_content, read_pairs, read_path


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/api/v1/cron_list", ("fastcron", "cron.list")),
        ("/api/v1/cron_batch_add", ("fastcron", "cron.batch_add")),
        ("/api/cron.list", ("setcronjob", "cron.list")),
        ("/api/cron_list", ("setcronjob", "?cron_list")),
        ("/api/v1/cron.list", ("fastcron", "?cron.list")),
        ("/api/v1/", ("fastcron", "?")),
        ("/api/v2/cron_list", ("setcronjob", "?v2/cron_list")),
        ("/", None),
        ("/apis", None),
    ],
)
def test_the_path_picks_provider_and_function(path, found):
    """FastCron joins names by an underscore, SetCronJob by a dot, and others are marked unknown."""
    assert read_path(path) == found


def content(provider="fastcron", **parts):
    return read_content(Request(provider, "cron.get", **parts))


@pytest.mark.parametrize(
    "body",
    [
        b'{"id": "1", "name": "a b"}',
        b"id=1&name=a+b",
        b"id=1&name=a%20b",
        b' {"id":"1","name":"a b"}',
    ],
)
def test_a_body_is_json_or_a_query_string(body):
    """A JSON body and a query string have the same parameters."""
    assert content(body=body).parameters == {"id": "1", "name": "a b"}


def test_query_and_body_are_merged_and_the_body_wins():
    """Query and body are merged, and of two values the body's counts."""
    assert content(query="id=1&page=2", body=b'{"id": 3}').parameters == {"id": 3, "page": "2"}


@pytest.mark.parametrize("body", [b"[1]", b'{"id":', b"\xff\xfe", b'{"a":' + b"[" * 100_000])
def test_any_other_body_is_refused(body):
    """A list, broken JSON, invalid bytes and extreme nesting are refused."""
    with pytest.raises(Refusal, match="request body"):
        content(body=body)


def test_indexed_names_become_lists():
    """Indexed names make lists, and the last value of a repeated plain name counts."""
    assert read_pairs("id[]=1&id[]=2&m[0]=a&m[1]=b&x=1&x=2&e=") == {
        "id": ["1", "2"],
        "m": ["a", "b"],
        "x": "2",
        "e": "",
    }
    assert read_pairs("id=1&id[]=2") == {"id": ["2"]}


@pytest.mark.parametrize(
    ("provider", "parts", "token"),
    [
        ("fastcron", {"bearer": "h", "body": b"token=b", "query": "token=q"}, "h"),
        ("setcronjob", {"bearer": "h", "body": b"token=b", "query": "token=q"}, "b"),
        ("fastcron", {"body": b'{"token": "b"}', "query": "token=q"}, "b"),
        ("fastcron", {"query": "token=q"}, "q"),
        ("setcronjob", {"bearer": "h"}, None),
        ("fastcron", {"query": "token="}, None),
        ("fastcron", {"body": b'{"token": 5}'}, None),
    ],
)
def test_the_token_is_found_by_rank(provider, parts, token):
    """The token comes from FastCron's header, else the body, else the query."""
    found = content(provider, **parts)
    assert (found.token, dict(found.parameters)) == (token, {})


def test_tokens_are_not_shown():
    """The repr of a request and of its content does not show the token."""
    request = Request("fastcron", "cron.get", query="", bearer="hush-hush")
    assert "hush" not in repr(request) + repr(read_content(request))
