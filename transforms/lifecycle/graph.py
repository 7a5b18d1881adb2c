"""Two questions about graphs: which nodes hang together, and which reach each other in a loop."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol, TypeVar


class Ordered(Hashable, Protocol):
    """What can be a node: compared for equality, and sorted so that results do not depend on order."""

    def __lt__(self, other: Any, /) -> bool: ...


Node = TypeVar("Node", bound=Ordered)
Point = TypeVar("Point", bound=Hashable)


def smallest_connected(pairs: Iterable[tuple[Node, Node]]) -> dict[Node, Node]:
    """For every node of a pair, the smallest node connected to it by pairs."""
    parent: dict[Node, Node] = {}

    def root(node: Node) -> Node:
        while (above := parent.setdefault(node, node)) != node:
            parent[node] = parent[above]
            node = above
        return node

    for a, b in pairs:
        first, second = root(a), root(b)
        if second < first:
            first, second = second, first
        parent[second] = first
    return {node: root(node) for node in list(parent)}


def loops_bottom_up(below: Mapping[Point, Sequence[Point]]) -> list[list[Point]]:
    """The strongly connected parts, each after all the parts it leads to (Tarjan, without recursion).

    A graph without loops gives parts of one node each: its nodes from the bottom up.
    """
    found: dict[Point, int] = {}
    lowest: dict[Point, int] = {}
    path: list[Point] = []
    waiting: set[Point] = set()
    parts: list[list[Point]] = []

    def enter(node: Point) -> tuple[Point, Iterator[Point]]:
        found[node] = lowest[node] = len(found)
        path.append(node)
        waiting.add(node)
        return node, iter(below.get(node, ()))

    def close(node: Point) -> None:
        part: list[Point] = []
        while not part or part[-1] != node:
            part.append(path.pop())
            waiting.discard(part[-1])
        parts.append(part)

    for start in below:
        if start in found:
            continue
        work = [enter(start)]
        while work:
            node, ahead = work[-1]
            for other in ahead:
                if other not in found:
                    work.append(enter(other))
                    break
                if other in waiting:
                    lowest[node] = min(lowest[node], found[other])
            else:
                work.pop()
                if work:
                    caller = work[-1][0]
                    lowest[caller] = min(lowest[caller], lowest[node])
                if lowest[node] == found[node]:
                    close(node)
    return parts
