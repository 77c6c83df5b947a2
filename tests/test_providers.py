"""The services as values: rates, addresses, spelling, and a third service of the family."""

from __future__ import annotations

import pickle
from typing import Any

import attrs
import pytest
from attrs.exceptions import FrozenInstanceError

from cronapi._functions import TABLE, offered_by
from cronapi.client import Client, FastCron
from cronapi.errors import ConfigurationError
from cronapi.providers import FASTCRON, SETCRONJOB, Provider, Rate

BOTH = pytest.mark.parametrize(
    "provider", [FASTCRON, SETCRONJOB], ids=lambda provider: provider.name
)


# --- rates ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rate", "interval"),
    [
        (Rate(10), 0.1),
        (Rate(1), 1.0),
        (Rate(200, 1.0), 0.005),
        (Rate(30, 60), 2.0),
        (Rate(0.5), 2.0),
    ],
)
def test_a_rate_spaces_its_requests(rate: Rate, interval: float) -> None:
    """The interval of a rate is its period divided by its limit."""
    assert rate.interval == interval


@pytest.mark.parametrize("value", [0, 0.0, -1, float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize(
    ("make", "name"), [(Rate, "limit"), (lambda value: Rate(1, value), "per")], ids=["limit", "per"]
)
def test_a_rate_that_is_none_is_refused(make: Any, name: str, value: float) -> None:
    """A rate of nothing, of less, of infinity or of NaN is refused when it is made."""
    with pytest.raises(ConfigurationError, match=f"{name} of a rate must be a positive number"):
        make(value)


# --- base addresses ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("https://example.com/api/v1/", "https://example.com/api/v1/"),
        ("https://example.com/api/v1", "https://example.com/api/v1/"),
        ("https://example.com", "https://example.com/"),
        ("https://example.com:8443/", "https://example.com:8443/"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000/"),
        ("http://127.9.9.9/", "http://127.9.9.9/"),
        ("http://[::1]:8000/", "http://[::1]:8000/"),
        ("http://localhost:8000/", "http://localhost:8000/"),
        ("https://192.0.2.1/", "https://192.0.2.1/"),
    ],
)
def test_a_base_address_ends_in_a_slash(given: str, kept: str) -> None:
    """A base address is kept, with a slash at its end."""
    assert attrs.evolve(FASTCRON, base_url=given).base_url == kept


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/",
        "http://192.0.2.1/",
        "http://localhost.example.com/",
        "http://10.0.0.1/",
        "ftp://localhost/",
        "ws://127.0.0.1/",
        "//example.com/",
    ],
)
def test_only_https_leaves_the_machine(url: str) -> None:
    """An address without TLS is refused unless it is on this machine: the token would travel
    unencrypted.
    """
    with pytest.raises(ConfigurationError, match="must be https"):
        attrs.evolve(FASTCRON, base_url=url)


def test_http_in_a_network_of_ones_own_has_to_be_asked_for() -> None:
    """The error names `allow_http`, which lets an emulator of a compose network be called."""
    url = "http://emulator:8765/api/v1/"
    with pytest.raises(ConfigurationError, match="allow_http=True"):
        FastCron("token", base_url=url)
    api = FastCron("token", base_url=url, allow_http=True)
    assert api.provider.base_url == url
    assert (
        Client(api.provider, "token", base_url="http://other/").provider.base_url == "http://other/"
    )
    assert attrs.evolve(FASTCRON, base_url=url, allow_http=True).base_url == url
    for other in ("ftp://emulator/", "ws://emulator/", "//emulator/"):
        with pytest.raises(ConfigurationError, match="must be https"):
            FastCron("token", base_url=other, allow_http=True)


@pytest.mark.parametrize(
    "url",
    [
        "https://user@example.com/",
        "https://:hunter2@example.com/",
        "https://example.com/?a=1",
        "https://example.com/#a",
    ],
)
def test_a_base_address_is_bare(url: str) -> None:
    """User, password, query and fragment are refused, and not repeated in the error."""
    with pytest.raises(ConfigurationError, match="must have no user, query or fragment") as caught:
        attrs.evolve(FASTCRON, base_url=url)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.com",
        "https://",
        "https:///api",
        "https://[::1",
        "https://example.com:abc/",
        "https://example.com:0/",
        "https://example.com:99999/",
    ],
)
def test_what_is_no_address_is_refused(url: Any) -> None:
    """What cannot be a base address is refused when the provider is made, not at the first call."""
    with pytest.raises(ConfigurationError, match="is not an address"):
        attrs.evolve(FASTCRON, base_url=url)


@pytest.mark.parametrize(
    "url",
    [
        "https://exa mple.com/",
        "https://example.com/\n",
        "https://exämple.com/",
        "https://a\0b/",
        b"https://a/",
        None,
        5,
    ],
)
def test_what_is_no_printable_ascii_is_refused(url: Any) -> None:
    """An address with white space, control or non-ASCII characters, or one that is no text, is
    refused.
    """
    with pytest.raises(ConfigurationError, match="printable ASCII"):
        attrs.evolve(FASTCRON, base_url=url)


@pytest.mark.parametrize(
    "url",
    [
        "https://u:hunter22@exa.mple/",
        "https://u:hunter22@host:abc/",
        "https://host/api?",
        "https://host/#",
    ],
)
def test_an_address_with_a_user_or_a_query_is_refused_without_repeating_it(url: str) -> None:
    """A password in an address does not come back in the error."""
    with pytest.raises(ConfigurationError, match="no user, query or fragment") as refused:
        attrs.evolve(FASTCRON, base_url=url)
    assert "hunter22" not in str(refused.value)


@pytest.mark.parametrize(("limit", "per"), [(1e-320, 1.0), (1e308, 1e-300), ("10", 1.0)])
def test_a_rate_out_of_range_is_refused(limit: Any, per: float) -> None:
    """A rate whose interval is zero or infinite, or that is no number, is refused."""
    with pytest.raises(ConfigurationError):
        Rate(limit, per)


# --- the services --------------------------------------------------------------------------------


def test_the_documented_services() -> None:
    """Both services have the address, the rate and the token variable of their documentation."""
    assert (SETCRONJOB.base_url, SETCRONJOB.rate) == (
        "https://www.setcronjob.com/api/",
        Rate(10, 1.0),
    )
    assert (FASTCRON.base_url, FASTCRON.rate) == ("https://app.fastcron.com/api/v1/", Rate(1, 1.0))
    assert (SETCRONJOB.token_variable, FASTCRON.token_variable) == (
        "SETCRONJOB_TOKEN",
        "FASTCRON_TOKEN",
    )
    assert (SETCRONJOB.bearer, FASTCRON.bearer, SETCRONJOB.notify_codes, FASTCRON.notify_codes) == (
        False,
        True,
        True,
        False,
    )


@BOTH
def test_a_service_offers_its_rows_of_the_table(provider: Provider) -> None:
    """A service has the functions whose rows name it."""
    assert provider.functions == offered_by(provider.name)
    assert provider.functions == {
        name for name, row in TABLE.items() if provider.name in row.services
    }


def test_functions_that_one_service_has_alone() -> None:
    """Limits, cron.next and most of account are FastCron's, the server functions SetCronJob's."""
    assert FASTCRON.functions - SETCRONJOB.functions == {
        *(
            f"cron.{action}"
            for action in ("next", "batch_add", "batch_edit", "batch_delete", "group_edit")
        ),
        *("account.get", "account.secret"),
    }
    assert SETCRONJOB.functions - FASTCRON.functions == {
        f"server.{action}" for action in ("time", "timezones", "useragent", "ip")
    }


@pytest.mark.parametrize(
    ("provider", "function", "spelt"),
    [
        (SETCRONJOB, "cron.list", "cron.list"),
        (SETCRONJOB, "server.useragent", "server.useragent"),
        (FASTCRON, "cron.list", "cron_list"),
        (FASTCRON, "cron.batch_add", "cron_batch_add"),
        (FASTCRON, "group.items", "group_items"),
        (FASTCRON, "cron.new.thing", "cron_new.thing"),
    ],
)
def test_a_service_spells_functions_its_own_way(
    provider: Provider, function: str, spelt: str
) -> None:
    """A function's name has SetCronJob's dot or FastCron's underscore between target and action."""
    assert provider.spell(function) == spelt


def test_a_third_service_is_an_evolved_one() -> None:
    """A third service of the family is described by what differs, and is checked like the first
    two.
    """
    third = attrs.evolve(
        FASTCRON,
        name="third",
        base_url="https://cron.example.com/api",
        rate=Rate(200),
        separator="/",
        token_variable="THIRD_TOKEN",
    )
    assert (third.name, third.base_url, third.rate.interval) == (
        "third",
        "https://cron.example.com/api/",
        0.005,
    )
    assert third.spell("cron.list") == "cron/list"
    assert (third.functions, third.bearer) == (FASTCRON.functions, True)
    assert third != FASTCRON


@BOTH
def test_a_service_is_a_value(provider: Provider) -> None:
    """A provider pickles, can be a key, and cannot be changed."""
    assert pickle.loads(pickle.dumps(provider)) == provider
    assert {provider: 1}[attrs.evolve(provider)] == 1
    with pytest.raises(FrozenInstanceError):
        provider.name = "other"  # type: ignore[misc]  # the point of the test


@pytest.mark.parametrize(
    "url",
    [
        "https://APP.fastcron.com:443/api/v1",
        "HTTPS://app.fastcron.com/api/v1//",
        "https://app.fastcron.com/api/v1/",
    ],
)
def test_an_address_has_one_spelling(url: str) -> None:
    """However an address is written, it is the same service with one budget."""
    assert attrs.evolve(FASTCRON, base_url=url).base_url == "https://app.fastcron.com/api/v1/"


def test_an_ipv6_loopback_keeps_its_brackets() -> None:
    """The address of a local emulator may be an IPv6 one."""
    assert (
        attrs.evolve(FASTCRON, base_url="http://[::1]:8765/api").base_url
        == "http://[::1]:8765/api/"
    )
