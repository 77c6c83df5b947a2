"""Cookies that a front sets, and proxies and addresses that cannot be connected to."""

from __future__ import annotations

import asyncio
import base64
import copy
import multiprocessing.reduction
import pickle
import socket
import traceback
from itertools import product

import httpx
import httpx2
import pytest

from cronapi import Applied, Client, ConfigurationError, ConnectionFailedError, CronAPIError
from cronapi.scheduler import RedisBucket
from tests.support.emulated import PROVIDERS, TOKEN, Hurry, client_of

JOB = {"id": 7, "name": "ping", "url": "https://example.com/ping"}
PASSWORD = "hunter22"
VARIABLES = [
    f"{name}_proxy" for name in ("http", "https", "all", "no", "HTTP", "HTTPS", "ALL", "NO")
]


class Front:
    """A front that sets cookies with each answer, and notes the cookies that it gets."""

    def __init__(self, *cookies, status=200):
        self.cookies, self.status, self.seen, self.count = cookies, status, [], 0

    def __call__(self, request):
        self.seen.append(request.headers.get("cookie"))
        self.count += 1
        module = httpx if isinstance(request, httpx.Request) else httpx2
        cookies = [("set-cookie", text.format(self.count)) for text in self.cookies]
        data = {"status": "success", "code": 0, "data": JOB}
        return module.Response(self.status, headers=cookies, json=data)


COOKIES = {
    "one more each time": ("visit{}=1; Path=/",),
    "the same": ("session=abc; Path=/; Secure; HttpOnly",),
    "with a domain": ("session=abc; Domain=127.0.0.1; Path=/api/v1/",),
    "that expires": ("session=abc; Max-Age=100000; Path=/", "old=1; Max-Age=0"),
    "many": tuple(f"c{number}=1" for number in range(200)),
    "broken": ("=;=;;", 'a="b', "Expires=Thu, 99 Foo 9999; x"),
}


@pytest.mark.parametrize("status", [200, 302, 503])
async def test_a_client_keeps_no_cookies(status):
    """Whatever cookies a front sets, with whatever status, no later request carries one."""
    for name, cookies in COOKIES.items():
        front = Front(*cookies, status=status)
        async with client_of(
            None, transport=httpx.MockTransport(front), scheduler=Hurry(10_000.0), retry=None
        ) as api:
            for _ in range(3):
                await failure_or_result(api.cron.get(7))
        assert front.seen == [None] * 3, name


@pytest.mark.parametrize("module", [httpx, httpx2], ids=lambda module: module.__name__)
async def test_a_client_handed_in_keeps_its_own_cookies(module):
    """The caller's own HTTP client goes on as it does without cronapi."""
    front = Front("session=abc; Path=/")
    async with (
        module.AsyncClient(transport=module.MockTransport(front), cookies={"mine": "1"}) as http,
        client_of(None, transport=None, http_client=http) as api,
    ):
        await api.cron.get(7)
        await api.cron.get(7)
    assert [set(seen.split("; ")) for seen in front.seen] == [
        {"mine=1"},
        {"mine=1", "session=abc"},
    ]


async def failure_or_result(call):
    try:
        return await call
    except CronAPIError as error:
        return error


def told(error):
    """Return all that an exception and those behind it say."""
    texts = ["".join(traceback.format_exception(error))]
    while error is not None:
        texts.append(f"{error} {error!r} {error.args} {vars(error)}")
        error = error.__cause__ or error.__context__
    return "\n".join(texts)


@pytest.fixture
def environment(monkeypatch):
    """Return a function that sets one variable of the proxy settings, and no other."""

    def set_only(name, value):
        for variable in VARIABLES:
            monkeypatch.delenv(variable, raising=False)
        monkeypatch.setenv(name, value)

    return set_only


SETTINGS = [
    ("HTTPS_PROXY", f"http://joe:{PASSWORD}/x@host"),
    ("HTTPS_PROXY", f"http://joe:{PASSWORD}#x@host"),
    ("HTTPS_PROXY", f"http://joe:{PASSWORD}?x@host:1"),
    ("HTTPS_PROXY", f"http://joe:{PASSWORD}"),
    ("https_proxy", f"joe:{PASSWORD}/x@host"),
    ("ALL_PROXY", f"socks5://joe:{PASSWORD}/@host"),
    ("ALL_PROXY", f"nonsense://joe:{PASSWORD}@host"),
    ("HTTPS_PROXY", f"http://joe:{PASSWORD}@host:port"),
    ("HTTPS_PROXY", f"http://joe:{PASSWORD}\x01@host"),
    ("HTTPS_PROXY", f"http://joe:{PASSWORD}@[::1"),
    ("NO_PROXY", f"http://joe:{PASSWORD}/x@host"),
]


@pytest.mark.parametrize(("name", "value"), SETTINGS)
async def test_a_proxy_setting_that_is_no_address_is_not_repeated(environment, name, value):
    """The password in a proxy setting is in no error about it and in no cause."""
    environment(name, value)
    client = Client(PROVIDERS["fastcron"], TOKEN, base_url="https://service.invalid/")
    with pytest.raises(ConfigurationError, match="No HTTP client can be made") as refused:
        await client.cron.get(7)
    assert PASSWORD not in told(refused.value)
    assert "proxy" in str(refused.value).lower()


PORTS = [
    ("HTTPS_PROXY", "http://127.0.0.1:99999"),
    ("HTTPS_PROXY", "http://127.0.0.1:65536"),
    ("https_proxy", "127.0.0.1:70000"),
    ("ALL_PROXY", "http://[::1]:4294967297"),
    ("ALL_PROXY", f"http://joe:{PASSWORD}@localhost:100000000000000000000"),
]


@pytest.mark.few(3)
@pytest.mark.parametrize(("name", "value"), PORTS)
async def test_a_port_out_of_range_is_the_reason(environment, name, value):
    """A create is not looked up, nor sent again, where a connection could not even be tried."""
    environment(name, value)
    options = {"scheduler": Hurry(10_000.0), "base_url": "https://service.invalid/"}
    async with Client(PROVIDERS["fastcron"], TOKEN, **options) as api:
        with pytest.raises(ConfigurationError, match="proxy settings") as refused:
            await api.cron.add(url=JOB["url"], name="ping")
    assert (refused.value.applied, refused.value.attempts) == (Applied.NO, 1)


@pytest.mark.parametrize("module", [httpx, httpx2], ids=lambda module: module.__name__)
async def test_a_proxy_of_a_client_handed_in_is_checked_alike(module):
    """A port out of range is no lost answer there either."""
    proxy = f"http://joe:{PASSWORD}@127.0.0.1:99999"
    async with (
        module.AsyncClient(proxy=proxy) as http,
        client_of(
            None, base_url="https://service.invalid/", transport=None, http_client=http
        ) as api,
    ):
        with pytest.raises(ConfigurationError) as refused:
            await api.cron.add(url=JOB["url"])
    assert (refused.value.applied, refused.value.attempts) == (Applied.NO, 1)
    assert PASSWORD not in told(refused.value)


async def test_a_proxy_that_repeats_its_credentials_is_not_quoted(environment):
    """The reason phrase of a proxy's refusal is its own text, and no error has it."""
    basic = base64.b64encode(f"joe:{PASSWORD}".encode()).decode()

    async def parrot(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"HTTP/1.1 407 joe {PASSWORD} {basic}\r\ncontent-length: 0\r\n\r\n".encode())
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(parrot, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        environment("HTTPS_PROXY", f"http://joe:{PASSWORD}@127.0.0.1:{port}")
        options = {"retry": None, "scheduler": Hurry(10_000.0)}
        async with Client(
            PROVIDERS["fastcron"], TOKEN, base_url="https://service.invalid/", **options
        ) as api:
            with pytest.raises(ConnectionFailedError, match="407") as refused:
                await api.cron.get(7)
    assert not [text for text in (PASSWORD, basic) if text in told(refused.value)]


BASE_URLS = [
    f"https://joe:{PASSWORD}@host/",
    f"https://joe:{PASSWORD}/x@host/",
    f"https://joe:{PASSWORD}#x@host/",
    f"https://joe:{PASSWORD}",
    f"https://joe:{PASSWORD}/",
    f"http://joe:{PASSWORD}/api/",
    f"https://[joe:{PASSWORD}",
    f"https://joe%3A{PASSWORD}%40host/",
]


@pytest.mark.parametrize("base_url", BASE_URLS)
def test_a_base_url_with_a_password_is_not_repeated(base_url):
    """A base_url that is refused may hold a password, wherever a typing error has put it."""
    with pytest.raises(ConfigurationError) as refused:
        Client(PROVIDERS["fastcron"], TOKEN, base_url=base_url)
    assert PASSWORD not in told(refused.value)


REDIS_URLS = [
    f"redis://user:{PASSWORD}/x@localhost",
    f"redis://user:{PASSWORD}#x@localhost",
    f"redis://user:{PASSWORD}?x@localhost",
    f"redis://user:{PASSWORD}",
    f"rediss://user:{PASSWORD}@[::1/0",
    f"redis//user:{PASSWORD}@localhost",
    f"redis://user:{PASSWORD}@localhost/0?socket_timeout={PASSWORD}",
]


@pytest.mark.parametrize("url", REDIS_URLS)
def test_a_redis_address_that_is_none_is_not_repeated(url):
    """The password in the address of a bucket is in no error about it and in no cause."""
    with pytest.raises(ConfigurationError, match="no address of a Redis server") as refused:
        RedisBucket.from_url(url, key="team")
    assert PASSWORD not in told(refused.value)


async def test_a_redis_server_that_is_away_is_not_told_with_its_password():
    """An address that only turns out bad on connecting has its password in no error either."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        place = f"127.0.0.1:{unused.getsockname()[1]}"
        for url in (
            f"redis://user:{PASSWORD}@{place}",
            f"redis://user:{PASSWORD}@{place}?{PASSWORD}=1",
            f"redis://{place}?password={PASSWORD}",
            f"redis://{PASSWORD}:12#34@{place}",
            f"unix://user:{PASSWORD}@/nowhere/{PASSWORD}",
        ):
            scheduler = Hurry(10, bucket=RedisBucket.from_url(url, key="away", timeout=0.0))
            with pytest.raises(CronAPIError) as away:
                await scheduler.acquire()
            assert PASSWORD not in told(away.value), url


def test_a_client_says_why_it_cannot_be_copied():
    """Pickling or copying a client, a view, a namespace or a bulk names the reason and the way."""
    client = Client(PROVIDERS["fastcron"], TOKEN)
    views = [client, client.with_options(timeout=5.0)]
    parts = [client.cron, client.group, client.account, client.cron.delete_many]
    deep = [copy.deepcopy, pickle.dumps, multiprocessing.reduction.ForkingPickler.dumps]
    for part, way in [*product(views, [copy.copy, *deep]), *product(parts, deep)]:
        with pytest.raises(TypeError, match="in each process") as refused:
            way(part)
        assert "with_options" in str(refused.value)
        assert TOKEN not in str(refused.value)
