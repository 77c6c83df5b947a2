"""Faults as data: the requests that they strike, how often, and the refused ones."""

from __future__ import annotations

import math
import re

import pytest

from cronapi.emulator import KINDS, Fault, Faults

TIMED = {"stall", "stall_before", "late", "slow_503"}


def kinds(faults, count, function="cron.add", *, gate=False):
    taken = (faults.take("fastcron", function, gate=gate) for _ in range(count))
    return [fault and fault.kind for fault in taken]


def test_a_fault_strikes_so_many_times():
    """A fault strikes as often as times says, and for ever with None."""
    faults = Faults()
    faults.add(Fault("lose", times=2), Fault("empty", times=None))
    assert kinds(faults, 4) == ["lose", "lose", "empty", "empty"]
    assert [fired.kind for fired in faults.fired] == ["lose", "lose", "empty", "empty"]
    assert [fault.kind for fault in faults.pending] == ["empty"]


def test_the_help_names_every_kind():
    """The help on Fault names every kind and points to KINDS."""
    assert KINDS.keys() <= set(re.findall(r"\w+", Fault.__doc__))
    assert "`cronapi.emulator.KINDS`" in Fault.__doc__


def test_cleared_faults_do_not_strike():
    """After clear no fault strikes, and fired is kept."""
    faults = Faults()
    faults.add(Fault("lose", times=None))
    kinds(faults, 1)
    faults.clear()
    assert kinds(faults, 1) == [None]
    assert len(faults.fired) == 1


def test_a_fault_strikes_only_whom_it_is_meant_for():
    """A request of another provider or function does not use up a fault."""
    faults = Faults()
    faults.add(Fault("lose", provider="fastcron", function="cron.add"))
    assert faults.take("setcronjob", "cron.add", gate=False) is None
    assert faults.take("fastcron", "cron.get", gate=False) is None
    assert kinds(faults, 2) == ["lose", None]


def test_half_strikes_only_batches():
    """The fault half strikes only batches."""
    faults = Faults()
    faults.add(Fault("half"))
    assert kinds(faults, 1) == [None]
    assert kinds(faults, 1, "cron.batch_delete") == ["half"]


def test_gate_faults_strike_only_at_the_gate():
    """Outage, reset and front_before strike before the limiter, and other faults behind it."""
    for kind in KINDS:
        faults = Faults()
        faults.add(Fault(kind, seconds=1.0 if kind in TIMED else 0.0))
        at_the_gate = kinds(faults, 1, "cron.batch_add", gate=True) == [kind]
        assert at_the_gate == (kind in {"outage", "reset", "front_before"})


def test_a_share_strikes_that_part_and_repeats_with_the_seed():
    """A share of a third strikes about a third of the requests, the same ones for one seed."""

    def strikes(seed):
        faults = Faults(seed)
        faults.add(Fault("lose", times=None, share=1 / 3))
        return kinds(faults, 900)

    assert 200 < strikes(1).count("lose") < 400
    assert strikes(1) == strikes(1) != strikes(2)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"kind": "explode"}, "unknown fault 'explode'"),
        ({"kind": "lose", "provider": "cronjob"}, "unknown provider"),
        ({"kind": "lose", "function": "cron_add"}, "dotted"),
        ({"kind": "lose", "times": 0}, "times must be"),
        ({"kind": "lose", "share": 1.1}, "share must be"),
        ({"kind": "lose", "seconds": 1}, "seconds must be"),
        ({"kind": "stall"}, "seconds must be"),
        ({"kind": "stall", "seconds": -1}, "seconds must be"),
        ({"kind": "late"}, "seconds must be"),
        ({"kind": "slow_503"}, "seconds must be"),
        ({"kind": "front", "page": "nginx"}, "unknown page 'nginx'"),
        ({"kind": "outage", "page": "haproxy"}, "front and front_before have haproxy"),
        ({"kind": "stall", "seconds": math.inf}, "seconds must be"),
    ],
)
def test_nonsense_is_refused(wrong, message):
    """An unknown name or a number out of range raises ValueError."""
    with pytest.raises(ValueError, match=message):
        Fault(**wrong)
