"""The tests of examples/shop, as they stand there, with the fixtures of the pytest plugin."""

from __future__ import annotations

import importlib
import sys

from cronapi.pytest_plugin import cron_emulator, fastcron
from tests.support.shop import EXAMPLES

# As its pytest.ini has it. The names stay importable for the tests that run later.
sys.path.insert(0, str(EXAMPLES))
conftest = importlib.import_module("shop.conftest")
shop_tests = importlib.import_module("shop.test_shop")
sys.path.remove(str(EXAMPLES))

web = conftest.web
globals().update(
    {name: value for name, value in vars(shop_tests).items() if name.startswith("test_")}
)
__all__ = ["cron_emulator", "fastcron", "web"]
