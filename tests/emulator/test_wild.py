"""Requests as programs in the wild send them, byte for byte, each with the answer that it gets."""

from __future__ import annotations

import json
import re
import socket
from pathlib import Path

import httpx
import pytest

from cronapi.emulator import create_app, run_in_thread
from tests.support.emulated import FAST, TOKEN

SAMPLES = Path(__file__).parent.parent / "samples" / "wild"
REQUESTS = json.loads((SAMPLES / "requests.json").read_text(encoding="utf-8"))
SEQUENCE = json.loads((SAMPLES / "sequence.json").read_text(encoding="utf-8"))
_SHOWN = {"url", "expression", "name", "httpMethod", "postData", "httpHeaders", "timezone"} | {
    *("notify", "instances", "timeout", "plan")
}


def sent(port, request):
    """Send bytes, and return the answer as the samples tell it."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(request.encode("latin-1"))
        connection.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    told = {"status": int(head.split()[1])}
    if body.startswith(b"{"):
        told |= _told(json.loads(body))
    warning = re.search(rb"(?i)x-emulator-warning: ([^\r]*)", head)
    return told | ({"warning": warning[1].decode()} if warning else {})


def _told(content):
    if content["code"]:
        return {"code": content["code"], "message": content["message"]}
    data = content["data"]
    if not isinstance(data, dict):
        return {"code": 0, "data": type(data).__name__}
    shown = {name: value for name, value in data.items() if name in _SHOWN}
    return {"code": 0, "data": shown | ({"id": None} if data.get("id") is None else {})}


@pytest.mark.parametrize("mode", ["strict", "lenient", "latest"])
def test_requests_of_the_wild_are_answered_as_they_must_be(mode):
    """Each of 84 shapes gets its answer. Lenient ones take more, and say so in a header. Those with
    a token in a header have the answer of the latest era too.
    """
    app = create_app(
        rates=FAST, strict=mode != "lenient", era="latest" if mode == "latest" else "seed"
    )
    samples = [sample for sample in REQUESTS if mode != "latest" or mode in sample]
    with run_in_thread(app) as origin:
        port = int(origin.rpartition(":")[2])
        answers = {sample["name"]: sent(port, sample["request"]) for sample in samples}
    assert len(answers) >= (5 if mode == "latest" else 82)
    assert answers == {sample["name"]: sample.get(mode, sample["strict"]) for sample in samples}


def test_no_warning_repeats_a_token():
    """A body that is read as one long name is not repeated in a header."""
    answers = json.dumps([sample.get("lenient", {}) for sample in REQUESTS])
    assert "cannot be shown" in answers
    assert TOKEN not in answers


async def test_a_whole_test_of_a_client_with_lower_case_keys_passes():
    """Groups, adds, edits, batches and deletes of a CFML client succeed at a lenient emulator."""
    transport = httpx.ASGITransport(create_app(rates=FAST, strict=False))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
        for step in SEQUENCE:
            verb = "POST" if "body" in step else "GET"
            answer = await http.request(verb, step["path"], content=step.get("body"))
            assert _fits(answer.json()["data"], step["answer"]), (step["path"], answer.text)


def _fits(data, wanted):
    if isinstance(wanted, list):
        return len(data) == len(wanted) and all(map(_fits, data, wanted))
    return wanted.items() <= data.items()
