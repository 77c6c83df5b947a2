"""The names that a service has kept as they were sent, and what they have in them."""

from __future__ import annotations

import attrs

from cronapi.manifest.respelling import name_kinds, name_signs


@attrs.define
class KeptNames:
    """What was seen in names that are kept. A service that alters it would have altered those."""

    count: int = 0
    longest: int = 0
    kinds: set[str] = attrs.field(factory=set)
    signs: set[str] = attrs.field(factory=set)

    def add(self, name: str) -> None:
        """Note a name."""
        self.count += 1
        self.longest = max(self.longest, len(name))
        self.kinds |= name_kinds(name)
        self.signs |= name_signs(name)
