"""Where the API is: an argument, an environment variable, or the address that all know."""

from __future__ import annotations

import httpx
import pytest
from attrs import evolve

from cronapi import FASTCRON, SETCRONJOB, Client, ConfigurationError, FastCron, Rate, SetCronJob
from tests.support.emulated import TOKEN

PASSWORD = "hunter22"
KINDS = {
    "FASTCRON_BASE_URL": (FastCron, FASTCRON),
    "SETCRONJOB_BASE_URL": (SetCronJob, SETCRONJOB),
}
LOCAL = "http://127.0.0.1:8080/api/v1"


@pytest.fixture(autouse=True)
def no_variables(monkeypatch):
    for name in KINDS:
        monkeypatch.delenv(name, raising=False)


def test_a_variable_points_a_client_elsewhere(monkeypatch):
    """Each service has its own, for its own class and for the general client."""
    for variable, (cls, provider) in KINDS.items():
        assert cls(TOKEN).provider.base_url == provider.base_url
        monkeypatch.setenv(variable, LOCAL)
        assert cls(TOKEN).provider.base_url == f"{LOCAL}/"
        assert Client(provider, TOKEN).provider == evolve(provider, base_url=LOCAL)
        monkeypatch.delenv(variable)


def test_one_services_variable_is_not_the_others(monkeypatch):
    """FASTCRON_BASE_URL leaves SetCronJob where it is, and the other way round."""
    for variable, (_, provider) in KINDS.items():
        monkeypatch.setenv(variable, LOCAL)
        for other in (FASTCRON, SETCRONJOB):
            moved = Client(other, TOKEN).provider.base_url != other.base_url
            assert moved == (other is provider)
        monkeypatch.delenv(variable)


def test_an_argument_beats_the_variable(monkeypatch):
    """An address in the program is used even where the variable holds none."""
    for value in (LOCAL, "", "nonsense"):
        monkeypatch.setenv("FASTCRON_BASE_URL", value)
        api = FastCron(TOKEN, base_url="https://example.com/api/")
        assert api.provider.base_url == "https://example.com/api/"


def test_a_service_of_the_callers_own_keeps_its_address(monkeypatch):
    """A provider with another address gets no call sent to FastCron's: the token is not its."""
    monkeypatch.setenv("FASTCRON_BASE_URL", LOCAL)
    third = evolve(FASTCRON, name="third", base_url="https://cron.example.com/api/")
    assert Client(third, TOKEN).provider.base_url == "https://cron.example.com/api/"
    renamed = evolve(FASTCRON, name="third")
    assert Client(renamed, TOKEN).provider.base_url == FASTCRON.base_url
    faster = evolve(FASTCRON, rate=Rate(200))
    assert Client(faster, TOKEN).provider.base_url == f"{LOCAL}/"


BAD = {
    "": "is empty",
    " ": "printable ASCII",
    "app.fastcron.com/api/v1/": "not an address",
    "ftp://example.com/": "must be https",
    "http://example.com/": "must be https",
    "http://localhost.example.com/": "must be https",
    "http://192.168.0.1/": "must be https",
    f"https://user:{PASSWORD}@example.com/": "no user",
    f"https://:{PASSWORD}@example.com/": "no user",
    f"user:{PASSWORD}": "not an address",
    f"https://example.com:{PASSWORD}/": "not an address",
    f"https://example.com/?token={PASSWORD}": "no user, query",
    f"https://{PASSWORD}%40example.com/": "not an address",
    "https://example.com/\n": "printable ASCII",
    "https://exämple.com/": "printable ASCII",
    "https://[::1/": "not an address",
}


@pytest.mark.parametrize("variable", KINDS)
def test_a_variable_that_holds_no_address_is_refused_by_name(monkeypatch, variable):
    """The error names the variable, and shows no password that is in it."""
    cls, _ = KINDS[variable]
    for value, reason in BAD.items():
        monkeypatch.setenv(variable, value)
        with pytest.raises(ConfigurationError) as refused:
            cls(TOKEN)
        text = str(refused.value)
        assert text.startswith(f"{variable}: "), value
        assert reason in text, (value, text)
        assert PASSWORD not in text
        assert refused.value.__cause__ is refused.value.__context__ is None


def test_http_is_for_this_machine_unless_it_is_allowed(monkeypatch):
    """The variable is as strict as the argument, and `allow_http` counts for both."""
    for value in ("http://localhost:1/", "http://127.0.0.1/", "http://[::1]:5/"):
        monkeypatch.setenv("FASTCRON_BASE_URL", value)
        assert FastCron(TOKEN).provider.base_url == value
    monkeypatch.setenv("FASTCRON_BASE_URL", "http://emulator:8080/")
    with pytest.raises(ConfigurationError, match="allow_http=True"):
        FastCron(TOKEN)
    assert FastCron(TOKEN, allow_http=True).provider.base_url == "http://emulator:8080/"


async def test_calls_go_where_the_variable_says(monkeypatch):
    """A call is sent to that address, and to no other."""
    seen = []

    def note(request):
        seen.append(str(request.url))
        return httpx.Response(200, json={"status": "success", "code": 0, "data": []})

    monkeypatch.setenv("SETCRONJOB_BASE_URL", "https://mirror.example.com/api")
    async with SetCronJob(TOKEN, transport=httpx.MockTransport(note)) as api:
        await api.cron.list()
    assert seen == ["https://mirror.example.com/api/cron.list"]
