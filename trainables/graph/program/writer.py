"""Writes one random program of exactly so many nodes that keeps all laws and comes to an end.

A program is a Boundary and statements, maybe with a Boundary at their end. Statements are what the
six motifs allow: writes, calls, blocks, conditions with one or two branches, and loops that count,
that are told to stop by their body, or that never begin. What they work on are trees of Messages
over constants and reads, into which nodes that are there already may be drawn once more, so that
motifs tell some of the edges and not all.

It ends because loops that count go at most three rounds and are nested at most three deep, and it
never adds what is no number because only names are read there that all ways have stored.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch

from trainables.draws import generator
from trainables.graph.graphs import Edge, Kind, Motif, Program

MOST_ROUNDS, MOST_NESTED = 3, 3  # of loops that count: 27 rounds of the innermost
LONGEST = 12  # nodes of a statement that holds no others
DRAWN_AGAIN = 4  # a datum is drawn once more only if it costs no more than so many nodes
INPUTS = 4  # of a Message at most, so that indices tell them apart
COUNTED = 10  # nodes of a loop that counts, apart from its body
TOLD = 6  # nodes of a loop that its body tells to stop, apart from what else is in it
VARIABLES = "abcdefgh"


class Draws:
    """Numbers in [0, 1) that are a function of a key, some hundred at a time."""

    def __init__(self, *key: int | str):
        self.key, self.part = key, 0
        self.values: list[float] = []

    def share(self) -> float:
        """The next number."""
        if not self.values:
            own = generator(*self.key, self.part)
            self.values = torch.rand(256, generator=own, dtype=torch.float64).tolist()
            self.part += 1
        return self.values.pop()

    def below(self, count: int) -> int:
        """A whole number from 0 to count - 1."""
        return int(self.share() * count)

    def chance(self, probability: float) -> bool:
        """True as often as said."""
        return self.share() < probability


class Datum(NamedTuple):
    """What is known of a node that others may work on."""

    cost: int  # nodes that are worked out for it
    names: frozenset[str]  # that must hold numbers where it is used
    number: bool  # whether it is one there


class Writer:
    """A program that grows: its nodes, its edges, and the ends that lead on to what comes next."""

    def __init__(self, draws: Draws, sharing: float):
        self.draws, self.sharing = draws, sharing
        self.motifs: list[Motif] = []
        self.words: list[Any] = []
        self.edges: list[Edge] = []
        self.ends: list[tuple[int, int]] = []  # node and index of edges to the next statement
        self.known: frozenset[str] = frozenset()  # names that hold a number whichever way was gone
        self.data: dict[int, Datum] = {}
        self.loops = self.nested = 0

    def program(self, nodes: int, closed: bool) -> Program:
        """One of so many nodes; closed by a Boundary where two or more allow it."""
        self._reach(self._node(Motif.BOUNDARY))
        closed &= nodes > 1
        self._statements(nodes - 1 - closed, loose=not closed)
        if closed:
            self._reach(self._node(Motif.BOUNDARY))
        pool = {(type(word), word): word for word in self.words if word is not None}
        place = {key: at for at, key in enumerate(pool)}
        literals = [None if word is None else place[type(word), word] for word in self.words]
        return Program(tuple(self.motifs), tuple(self.edges), tuple(literals), tuple(pool.values()))

    def _node(self, motif: Motif, word: Any = None) -> int:
        self.motifs.append(motif)
        self.words.append(word)
        return len(self.motifs) - 1

    def _reach(self, node: int) -> int:
        """Leads all ends to a node, which is the end then."""
        self.edges += [Edge(end, node, Kind.EXECUTION, index) for end, index in self.ends]
        self.ends = [(node, 0)]
        return node

    def _feed(self, source: int, target: int, index: int = 0) -> None:
        self.edges.append(Edge(source, target, Kind.DATA, index))

    def _statements(self, nodes: int, loose: bool = False) -> None:
        """Statements of so many nodes in all; loose where nothing comes after the last one."""
        while nodes:
            size = min(nodes, 1 + int(nodes * self.draws.share() ** 0.5))
            self._statement(size, loose and size == nodes)
            nodes -= size

    def _statement(self, size: int, last: bool) -> None:
        """One of so many nodes; one that is last may not branch, since a branch must lead on."""
        kinds: list[tuple[Callable[[int], None], int]] = []
        if size == 1:
            kinds += [(self._single, 1)]
        elif size <= LONGEST:
            kinds += [(self._write, 4), (self._call, 4)]
            kinds += [(self._choice, 2)] if last else []
        if size > 2:
            kinds += [(lambda size: self._block(size, last), 1 if size <= LONGEST else 3)]
        if size > 3 and not last:
            kinds += [(self._condition, 3), (self._loop, 2)]
        if size >= COUNTED and self.nested < MOST_NESTED and not last:
            kinds += [(self._counted, 5)]
        at = self.draws.below(sum(weight for _, weight in kinds))
        for write, weight in kinds:
            at -= weight
            if at < 0:
                write(size)
                return

    def _single(self, size: int) -> None:
        """A statement of one node, which may use data that are there."""
        again = self._again(number=True) if self.draws.chance(self.sharing) else None
        if again is not None:
            self._feed(again, self._store(self._variable()))
        elif self.draws.chance(0.5):
            self._reach(self._node(Motif.SEQUENCE))
        else:
            self._reach(self._node(Motif.MESSAGE, self.draws.below(10)))

    def _store(self, name: str) -> int:
        """A write whose input, a number, is there."""
        self.known |= {name}
        return self._reach(self._node(Motif.STATE, name))

    def _variable(self) -> str:
        return VARIABLES[self.draws.below(len(VARIABLES))]

    def _write(self, size: int) -> None:
        if self.draws.chance(0.6):
            name = self._variable()
            node = self._reach(self._node(Motif.STATE, name))
            self._feed(self._datum(size - 1, number=True), node)
            self.known |= {name}
        else:  # a name that nothing reads as a number, so that it may hold anything
            node = self._reach(self._node(Motif.STATE, f"r{self.draws.below(4)}"))
            self._feed(self._datum(size - 1, number=False), node)

    def _call(self, size: int) -> None:
        node = self._message(size, number=False)
        del self.data[node]  # what is executed is no datum
        self._reach(node)

    def _choice(self, size: int) -> None:
        """A condition at the end, where neither way leads on."""
        node = self._reach(self._node(Motif.CONDITION))
        self._feed(self._test(size - 1), node)

    def _block(self, size: int, last: bool) -> None:
        self._reach(self._node(Motif.SEQUENCE))
        self._statements(size - 1, last)

    def _condition(self, size: int) -> None:
        node = self._reach(self._node(Motif.CONDITION))
        tested = 1 + self.draws.below(min(4, size - 2))
        self._feed(self._test(tested), node)
        first = 1 + self.draws.below(size - 1 - tested)
        before = self.known
        self._statements(first)
        ends, known = self.ends, self.known
        self.ends, self.known = [(node, 1)], before
        self._statements(size - 1 - tested - first)
        self.ends, self.known = ends + self.ends, known & self.known

    def _loop(self, size: int) -> None:
        """One that its body tells to stop, or where that does not fit one that never begins."""
        self.loops += 1
        flag, told = f"go{self.loops}", size >= TOLD
        if told:
            self._assign(flag, 1)
        node = self._reach(self._node(Motif.LOOP))
        self._feed(self._node(Motif.STATE, flag), node)
        known = self.known
        self._statements(size - (TOLD if told else 2))
        if told:
            self._assign(flag, 0)
        self._back(node, known)

    def _counted(self, size: int) -> None:
        self.loops += 1
        self.nested += 1
        name = f"n{self.loops}"
        self._assign(name, 0)
        self.known |= {name}
        node = self._reach(self._node(Motif.LOOP))
        rounds = 1 + self.draws.below(MOST_ROUNDS)
        self._feed(self._pair("<", name, rounds), node)
        known = self.known
        self._statements(size - COUNTED)
        self._feed(self._pair("+", name, 1), self._store(name))
        self._back(node, known)
        self.nested -= 1

    def _back(self, loop: int, known: frozenset[str]) -> None:
        """Ends a body, which may have been skipped."""
        self._reach(loop)
        self.ends, self.known = [(loop, 1)], known

    def _assign(self, name: str, value: int) -> None:
        node = self._reach(self._node(Motif.STATE, name))
        self._feed(self._ready(Motif.MESSAGE, value, frozenset()), node)

    def _pair(self, operation: str, name: str, value: int) -> int:
        node = self._node(Motif.MESSAGE, operation)
        self._feed(self._node(Motif.STATE, name), node, 0)
        self._feed(self._node(Motif.MESSAGE, value), node, 1)
        return node

    def _test(self, size: int) -> int:
        """What a condition decides by: a comparison where three nodes allow it."""
        if size > 2 and self.draws.chance(0.7):
            return self._applied("<", self._cut(size - 1, 2), numbers=True)
        return self._datum(size, number=False)

    def _datum(self, size: int, number: bool) -> int:
        """A tree of so many nodes that gives a number, or where that is not asked for anything."""
        if size > 1:
            if not number and self.draws.chance(0.15):
                return self._hung(size)
            return self._message(size, number)
        names = sorted(self.known) if number else list(VARIABLES)
        if names and self.draws.chance(0.5):
            name = names[self.draws.below(len(names))]
            return self._ready(Motif.STATE, name, frozenset({name}))
        return self._ready(Motif.MESSAGE, self.draws.below(10), frozenset())

    def _ready(self, motif: Motif, word: Any, names: frozenset[str]) -> int:
        node = self._node(motif, word)
        self.data[node] = Datum(1, names, True)
        return node

    def _hung(self, size: int) -> int:
        """A Condition or Loop that is data: nothing executes it, and it gives none."""
        node = self._node(Motif.LOOP if self.draws.chance(0.2) else Motif.CONDITION)
        self._feed(self._datum(size - 1, number=False), node)
        return node

    def _message(self, size: int, number: bool) -> int:
        """An operation over trees; one of a single input can only print it."""
        parts = self._cut(size - 1, 1 + self.draws.below(min(3, size - 1)))
        if len(parts) == 1 or (not number and self.draws.chance(0.5)):
            return self._applied("print", parts, number)
        return self._applied("+-"[self.draws.below(2)], parts, numbers=True)

    def _applied(self, operation: str, parts: list[int], numbers: bool) -> int:
        node = self._node(Motif.MESSAGE, operation)
        sources = [self._datum(part, numbers) for part in parts]
        if len(sources) < INPUTS and self.draws.chance(self.sharing):
            again = self._again(numbers, sources)
            sources += [] if again is None else [again]
        for index, source in enumerate(sources):
            self._feed(source, node, index)
        data = [self.data.get(source, Datum(1, frozenset(), False)) for source in sources]
        self.data[node] = Datum(
            1 + sum(datum.cost for datum in data),
            frozenset().union(*(datum.names for datum in data)),
            operation != "<" and all(datum.number for datum in data),
        )
        return node

    def _again(self, number: bool, but: Sequence[int] = ()) -> int | None:
        """A datum that is there, cheap, and can be worked out here; a number where one is asked."""
        fit = [
            node
            for node, datum in self.data.items()
            if datum.cost <= DRAWN_AGAIN
            and datum.names <= self.known
            and (datum.number or not number)
            and node not in but
        ]
        return fit[self.draws.below(len(fit))] if fit else None

    def _cut(self, size: int, parts: int) -> list[int]:
        """A number as the sum of so many, each at least 1."""
        left, cut = size - parts, []
        for _ in range(parts - 1):
            cut.append(1 + self.draws.below(left + 1))
            left += 1 - cut[-1]
        return [*cut, 1 + left]
