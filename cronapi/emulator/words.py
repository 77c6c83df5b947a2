"""The names that the emulator's arguments take, for type checkers. Tables give them their effects.

A test compares the names with the tables.
"""

from __future__ import annotations

from typing import Literal

Era = Literal["2013", "2019", "2023", "seed", "latest"]
LogShape = Literal["era", "object", "flat", "list", "string"]
Moves = Literal["fail", "shuffle"]
Search = Literal["contains", "words", "like", "like_badly_escaped", "none"]
Execute = Literal["off", "fake", "loopback", "any"]
Plan = Literal["free", "pro"]
LimiterMethod = Literal["leaky", "nginx", "sliding", "fixed"]
LimitKey = Literal["token", "address"]
FrontPage = Literal["haproxy", "varnish", "aws", "cloudfront", "apache", "envoy"]
FaultKind = Literal[
    "lose",
    "reset",
    "stall",
    "stall_before",
    "outage",
    "error",
    "bad_gateway",
    "garbage",
    "truncated",
    "cut",
    "half",
    "redirect",
    "empty",
    "late",
    "twice",
    "repeat",
    "busy",
    "front",
    "front_before",
    "slow_503",
    "envelope_503",
    "envelope_503_before",
    "envelope_429",
    "envelope_429_before",
    "timeout_408",
]
