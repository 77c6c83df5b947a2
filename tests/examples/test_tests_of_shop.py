"""The tests of examples/shop, as they stand there, in this process.

A proof runs them as users do, with the pytest plugin. Here the same fixtures come from our own
support, since the plugin is imported by the tests that are about it.
"""

from __future__ import annotations

import importlib
import sys

import pytest

from cronapi import RetryPolicy
from cronapi.emulator import create_app
from tests.support.emulated import FAST, Hurry, client_of
from tests.support.shop import EXAMPLES

# As its pytest.ini has it. The names stay importable for the tests that run later.
sys.path.insert(0, str(EXAMPLES))
conftest = importlib.import_module("shop.conftest")
shop_tests = importlib.import_module("shop.test_shop")
sys.path.remove(str(EXAMPLES))

shop, web = conftest.shop, conftest.web
globals().update(
    {name: value for name, value in vars(shop_tests).items() if name.startswith("test_")}
)


@pytest.fixture
def cron_emulator():
    return create_app(rates=FAST)


@pytest.fixture
def fastcron(cron_emulator):
    return client_of(cron_emulator, scheduler=Hurry(10_000.0), retry=RetryPolicy(budget=1.0))
