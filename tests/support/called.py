"""An emulator in process whose jobs call a network that the test plays."""

from __future__ import annotations

import httpx

from cronapi.emulator import App, ManualClock, create_app
from cronapi.emulator.request import Request
from cronapi.emulator.runner.runner import Runner
from cronapi.emulator.runner.sending import Sender
from tests.support.emulated import FAST, START, TOKEN

NAMES = {"localhost": ["127.0.0.1"], "inside.test": ["127.0.0.1"], "outside.test": ["192.0.2.1"]}


class Network:
    """Answers each call by a function of the request, and remembers the calls."""

    def __init__(self, answer=None, names=None):
        self.answer = answer or (lambda request: httpx.Response(200, text="OK"))
        self.names = {**NAMES, **(names or {})}
        self.calls = []

    async def find(self, host, port):
        """Be the DNS. An address is its own name."""
        if host in self.names:
            found = self.names[host]
            return found.pop(0) if isinstance(found[0], list) else found
        return [host]

    def sender(self, anywhere=False):
        """Return a sender to this network."""
        return Sender(anywhere, self.find, lambda: httpx.MockTransport(self._called))

    async def _called(self, request):
        self.calls.append(request)
        answer = self.answer(request)
        return await answer if hasattr(answer, "__await__") else answer

    @property
    def urls(self):
        return [str(call.url) for call in self.calls]


def calling_app(network, *, webhook=None, clock=None, execute="loopback", **options):
    """Return an app whose jobs call the network."""
    clock = clock or ManualClock(START)
    made = create_app(clock=clock, rates=FAST, execute=execute, **options)
    return App(made.emulator, runner=Runner(made.emulator, webhook, network.sender))


def ask(app, function, provider="fastcron", **params):
    """Call a function in process, and return its data."""
    query = httpx.QueryParams({"token": TOKEN, **params})
    answer = app.emulator.apply(Request(provider, function, query=str(query)))
    assert answer["code"] == 0, answer
    return answer["data"]
