"""The tables of a manifest's files as trees whose leaves know their place."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TypeAlias

import attrs

from cronapi.manifest.lines import Path
from cronapi.manifest.problems import Place, Source


def _hidden(_: object) -> str:
    return "***"


@attrs.frozen
class Leaf:
    """A value, its place, and the environment variables that it was made of."""

    value: object = attrs.field(repr=_hidden)
    place: Place
    variables: tuple[str, ...] = ()


@attrs.frozen
class Table:
    """A table: its members by key, and its place."""

    members: Mapping[str, Node]
    place: Place

    def __getitem__(self, key: str) -> Node:
        return self.members[key]

    def __contains__(self, key: str) -> bool:
        return key in self.members

    def place_of(self, key: str) -> Place:
        """Return the place of a key, that of the table if it has none."""
        node = self.members.get(key)
        return self.place if node is None else node.place

    def without(self, key: str) -> Table:
        """Return the table without a key."""
        return attrs.evolve(
            self, members={name: node for name, node in self.members.items() if name != key}
        )


Node: TypeAlias = Leaf | Table
FOLDED = "http_headers"
"""The table whose keys are equal without regard to case."""


def rooted(data: object, source: Source, path: Path = ()) -> Node:
    """Return the data of a file, each value with its place."""
    if not isinstance(data, dict):
        return Leaf(data, Place(source, path))
    members = {key: rooted(value, source, (*path, key)) for key, value in data.items()}
    return Table(members, Place(source, path))


def merged(base: Node | None, over: Node | None) -> Node | None:
    """Return tables merged deeply. Anything but two tables is replaced."""
    if base is None or over is None:
        return base if over is None else over
    if not (isinstance(base, Table) and isinstance(over, Table)):
        return over
    folded = base.place.path[-1:] == (FOLDED,)
    taken = {key.casefold() for key in over.members} if folded else set()
    members: dict[str, Node] = {
        key: node for key, node in base.members.items() if key.casefold() not in taken
    }
    for key, node in over.members.items():
        both = merged(members.get(key), node)
        members[key] = node if both is None else both
    return Table(members, over.place)


def data_of(node: Node | None) -> object:
    """Return a tree as plain data, without the places."""
    if isinstance(node, Table):
        return {key: data_of(member) for key, member in node.members.items()}
    return None if node is None else node.value


def texts(node: Node) -> Iterator[str]:
    """Yield the texts in a tree, those in lists too."""
    for _, leaf in leaves(node):
        values = leaf.value if isinstance(leaf.value, list) else [leaf.value]
        yield from (one for one in values if isinstance(one, str))


def mapped(node: Node, change: Callable[[Leaf], Leaf]) -> Node:
    """Return a tree with each leaf changed."""
    if isinstance(node, Leaf):
        return change(node)
    members = {key: mapped(member, change) for key, member in node.members.items()}
    return attrs.evolve(node, members=members)


def leaves(node: Node, path: Path = ()) -> Iterator[tuple[Path, Leaf]]:
    """Yield the leaves of a tree, each with its path."""
    if isinstance(node, Leaf):
        yield path, node
        return
    for key, member in node.members.items():
        yield from leaves(member, (*path, key))
