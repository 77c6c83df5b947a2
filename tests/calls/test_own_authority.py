"""A service whose certificate an authority of one's own has signed, over real TLS."""

from __future__ import annotations

import asyncio
import json
import shutil
import ssl
import subprocess

import httpx
import httpx2
import pytest

from cronapi import ConnectionFailedError, FastCron
from tests.support.emulated import TOKEN

OPENSSL = shutil.which("openssl")
NAMES = "subjectAltName=DNS:localhost,IP:127.0.0.1"


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    """Make an authority, and a certificate of it for this machine, in a folder."""
    if OPENSSL is None:
        pytest.skip("openssl is not installed")
    folder = tmp_path_factory.mktemp("authority")
    new = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    new += ["-addext", "keyUsage=critical,digitalSignature,keyCertSign"]  # as Python 3.13 asks for

    def openssl(*args):
        subprocess.run([OPENSSL, *args], cwd=folder, check=True, capture_output=True)

    openssl("req", "-x509", *new, "-subj", "/CN=own", "-keyout", "ca.key", "-out", "ca.pem")
    by_ca = ["-CA", "ca.pem", "-CAkey", "ca.key", "-subj", "/CN=localhost", "-addext", NAMES]
    openssl("req", "-x509", *new, *by_ca, "-keyout", "own.key", "-out", "own.pem")
    return folder


@pytest.fixture
async def address(authority):
    """Serve a list without jobs over TLS, and return its address."""

    async def answer(reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        size = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
        await reader.readexactly(size)
        body = json.dumps({"status": "success", "code": 0, "data": []}).encode()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n")
        writer.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
        await writer.drain()
        writer.close()

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(authority / "own.pem", authority / "own.key")
    loop = asyncio.get_running_loop()
    told = loop.get_exception_handler()

    def tell(loop, report):
        # In debug mode the server tells of callers that hang up on its certificate.
        if not isinstance(report.get("exception"), ConnectionResetError):
            told(loop, report)

    loop.set_exception_handler(tell)
    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
    async with server:
        yield f"https://localhost:{server.sockets[0].getsockname()[1]}/api/v1/"


async def test_a_certificate_that_nobody_known_has_signed_is_refused(address):
    """Nothing is sent, and the error says that it is the certificate."""
    async with FastCron(TOKEN, base_url=address, retry=None) as api:
        with pytest.raises(ConnectionFailedError, match="certificate"):
            await api.cron.list()


async def test_a_file_in_the_environment_is_trusted(address, authority, monkeypatch):
    """SSL_CERT_FILE reaches the library's own HTTP client, with an address from a variable too."""
    monkeypatch.setenv("SSL_CERT_FILE", str(authority / "ca.pem"))
    monkeypatch.setenv("FASTCRON_BASE_URL", address)
    async with FastCron(TOKEN) as api:
        assert await api.cron.list() == []


@pytest.mark.parametrize("module", [httpx, httpx2], ids=lambda module: module.__name__)
async def test_an_http_client_with_a_context_of_its_own_is_used(address, authority, module):
    """As in the recipe: the context trusts the file, and the client is handed in."""
    trust = ssl.create_default_context(cafile=str(authority / "ca.pem"))
    async with (
        module.AsyncClient(verify=trust) as http,
        FastCron(TOKEN, base_url=address, http_client=http) as api,
    ):
        assert await api.cron.list() == []
