"""Runs a motif graph: along its execution edges, with the data of each node worked out on the way.

A State that is executed stores its input under its name, and where it is an input it is read; a
name that was never stored is none. A Message without inputs is its literal, one with inputs applies
the operation of that name to them. Condition and Loop go on at index 0 where their input is true
and at 1 where not. Data are worked out at each use and nothing is remembered, so that a shared
`print` prints as often as it is used. Other motifs give none as data.

Nothing here recurses, and a run is bounded in steps, in data worked out and in the size of values,
so that any graph that a network draws ends, and one of `Ending` says how.
After timlawrenz/jubilant-palm-tree, src/execution_engine/interpreter.py@0b20f7e.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from trainables.graph.graphs import Kind, Motif, Program
from trainables.graph.program.operations import OPERATIONS, Ended, Ending, nothing

STEPS = 10_000
DATA, DATA_PER_STEP = 10_000, 20  # nodes of data for one step, and for each of a run's limit

Entry = Literal["first", "unentered", "as_run"]
_BRANCHING = (Motif.CONDITION, Motif.LOOP)
_READ, _GIVE, _APPLY, _END = range(4)  # what an instruction does


@dataclass(frozen=True)
class Outcome:
    """What a run did.

    Attributes:
        ending: How it ended.
        steps: Nodes that were executed, first and last Boundary included.
        memory: Name to value.
        printed: In order.
        value: What the last State or Message that was executed stored or gave; at first none.
        trace: Each step's node, and the value that it stored, gave or decided by.
        node: Where it ended: the node whose datum could not be worked out, where it was for that,
            and else the last one that was executed; none where none was.
    """

    ending: Ending
    steps: int
    memory: dict[str, Any]
    printed: list[Any]
    value: Any
    trace: list[tuple[int, Any]]
    node: int | None


def run(program: Program, limit: int = STEPS, entry: Entry = "first") -> Outcome:
    """Runs a program for at most so many steps.

    Args:
        program: Any; what is wrong with it is told by the ending.
        limit: Steps; nodes of data are limited to 20 for each, and to 10,000 for a single one.
        entry: Where to begin: at the first Boundary, at the first that no execution edge enters,
            or as run at the first that none enters or leaves, which never is a real entry.
    """
    machine = _Machine(program)
    begin = entry_of(program, entry)
    if begin is None:
        return Outcome(Ending.MISSING_ENTRY, 0, {}, [], None, [], None)
    node = None
    try:
        ending = machine.run(begin, limit)
    except Ended as ended:
        ending, node = ended.ending, ended.node
    trace, told = machine.trace, (machine.memory, machine.printed, machine.value)
    if node is None and trace:
        node = trace[-1][0]
    return Outcome(ending, len(trace), *told, trace, node)


def entry_of(program: Program, entry: Entry = "first") -> int | None:
    """The node at which a run begins, none where there is no such Boundary."""
    boundaries = [i for i, motif in enumerate(program.motifs) if motif == Motif.BOUNDARY]
    barred: set[int] = set()
    if entry != "first":
        barred |= {edge.target for edge in program.edges if edge.kind == Kind.EXECUTION}
    if entry == "as_run":
        barred |= {edge.source for edge in program.edges if edge.kind == Kind.EXECUTION}
    return next((node for node in boundaries if node not in barred), None)


def walk(
    program: Program,
    limit: int = STEPS,
    entry: Entry = "unentered",
    turns: Literal["own", "as_run"] = "own",
) -> tuple[Ending, int]:
    """How a walk along the execution edges alone ends, and its steps; it needs no literals.

    Where several edges leave a node it takes them by turns, so it comes to an exit in any graph
    that keeps the laws. As run the turn is that of the step, and it goes round for ever in a loop
    of an even number of steps.

    Args:
        program: Any.
        limit: Steps.
        entry: As in `run`.
        turns: Of each node its own in the order of indices, or as run: where a Condition or Loop
            has several, the index 1 at odd steps and 0 at even ones.
    """
    node, outputs = entry_of(program, entry), _outputs(program)
    if node is None:
        return Ending.MISSING_ENTRY, 0
    visits = [0] * len(outputs)
    for step in range(1, limit + 1):
        ways = outputs[node]
        if program.motifs[node] == Motif.BOUNDARY and step > 1:
            return Ending.HALTED, step
        if not ways:
            return Ending.RAN_OUT, step
        indices = sorted(ways)
        index = indices[visits[node] % len(ways)]
        if turns == "as_run":
            branches = program.motifs[node] in _BRANCHING and len(ways) > 1
            index = step % 2 if branches else 0 if 0 in ways else next(iter(ways))
        visits[node] += 1
        if index not in ways:
            return Ending.MISSING_EDGE, step
        node = ways[index]
    return Ending.STEP_LIMIT, limit


def _outputs(program: Program) -> list[dict[int, int]]:
    """For each node its execution edges, index to target; the first of an index counts."""
    outputs: list[dict[int, int]] = [{} for _ in program.motifs]
    for edge in program.edges:
        if edge.kind == Kind.EXECUTION:
            outputs[edge.source].setdefault(edge.index, edge.target)
    return outputs


def _inputs(program: Program) -> list[list[int]]:
    """For each node its sources of data, by index and then by number."""
    inputs: list[list[tuple[int, int]]] = [[] for _ in program.motifs]
    for edge in program.edges:
        if edge.kind == Kind.DATA:
            inputs[edge.target].append((edge.index, edge.source))
    return [[source for _, source in sorted(own)] for own in inputs]


class _Machine:
    """A program with its memory.

    What a node needs is worked out from a list of instructions for a stack, which is written when
    the node is first executed and kept: (what to do, with what, with how many of the stack's last);
    what ends a run has the node in the last place.
    """

    def __init__(self, program: Program):
        self.motifs = program.motifs
        literals = program.literals or (None,) * len(program.motifs)
        self.words = [None if at is None else program.pool[at] for at in literals]
        self.outputs, self.inputs = _outputs(program), _inputs(program)
        self.plans: list[list[tuple[int, Any, int]] | None] = [None] * len(program.motifs)
        self.memory: dict[str, Any] = {}
        self.printed: list[Any] = []
        self.trace: list[tuple[int, Any]] = []
        self.value: Any = None

    def run(self, node: int, limit: int) -> Ending:
        """Steps from a node on; raises `Ended` where something is wrong with one."""
        motifs, outputs, plans, trace = self.motifs, self.outputs, self.plans, self.trace
        data = limit * DATA_PER_STEP
        for step in range(limit):
            motif, value, index = motifs[node], None, 0
            trace.append((node, None))
            if motif == Motif.BOUNDARY and step:
                return Ending.HALTED
            plan = plans[node]
            if plan is None:
                plan = plans[node] = self._plan(node, min(data, DATA))
            if plan:
                data -= len(plan)
                if data < 0:
                    return Ending.DATA_LIMIT
                value = self._worked_out(plan)
                trace[-1] = node, value
                if motif in _BRANCHING:
                    index = 0 if value else 1
                else:
                    self._keep(node, value)
            if not outputs[node]:
                return Ending.RAN_OUT
            if index not in outputs[node]:
                return Ending.MISSING_EDGE
            node = outputs[node][index]
        return Ending.STEP_LIMIT

    def _keep(self, node: int, value: Any) -> None:
        self.value = value
        if self.motifs[node] == Motif.STATE and self.inputs[node]:
            self.memory[str(self.words[node])] = value

    def _plan(self, node: int, most: int) -> list[tuple[int, Any, int]]:
        """The instructions for a node that is executed."""
        motif, inputs, word = self.motifs[node], self.inputs[node], self.words[node]
        if motif in (Motif.BOUNDARY, Motif.SEQUENCE):
            return []
        if motif == Motif.MESSAGE:
            if word is None:  # only its inputs are worked out, for what they print
                plans = [step for source in inputs for step in self._written(source, most)]
                return [*plans, (_APPLY, nothing, len(inputs))] if inputs else []
            bare = not inputs and isinstance(word, str) and word in OPERATIONS
            return [_end(Ending.MISSING_OPERAND, node)] if bare else self._written(node, most)
        if motif == Motif.STATE and word is None:
            return [_end(Ending.MISSING_LITERAL, node)]
        if inputs:
            return self._written(inputs[0], most)
        writes = motif in _BRANCHING or self.outputs[node]
        return [_end(Ending.MISSING_OPERAND, node)] if writes else self._written(node, most)

    def _written(self, root: int, most: int) -> list[tuple[int, Any, int]]:
        """Instructions that leave a node's datum on the stack; they stop at what must end a run."""
        plan: list[tuple[int, Any, int]] = []
        open_nodes: dict[int, Iterator[int]] = {root: self._needed(root)}
        while open_nodes:
            node, sources = next(reversed(open_nodes.items()))
            source = next(sources, None)
            if source is None:
                del open_nodes[node]
                plan.append(self._instruction(node))
            elif source in open_nodes:
                plan.append(_end(Ending.DATA_CYCLE, source))
            else:
                open_nodes[source] = self._needed(source)
            if plan and plan[-1][0] == _END:
                break
            if len(plan) > most:
                return [_end(Ending.DATA_LIMIT, root)]
        return plan

    def _needed(self, node: int) -> Iterator[int]:
        """What must be worked out for a datum: a Message's inputs."""
        return iter(self.inputs[node] if self.motifs[node] == Motif.MESSAGE else ())

    def _instruction(self, node: int) -> tuple[int, Any, int]:
        motif, word, count = self.motifs[node], self.words[node], len(self.inputs[node])
        if motif not in (Motif.STATE, Motif.MESSAGE):
            return _GIVE, None, 0
        if word is None:
            return _end(Ending.MISSING_LITERAL, node)
        if motif == Motif.STATE:
            return _READ, str(word), 0
        if not count:
            return _GIVE, word, 0
        operation = OPERATIONS.get(word) if isinstance(word, str) else None
        return (_APPLY, operation, count) if operation else _end(Ending.UNKNOWN_OPERATION, node)

    def _worked_out(self, plan: Sequence[tuple[int, Any, int]]) -> Any:
        stack: list[Any] = []
        for act, what, count in plan:
            if act == _READ:
                stack.append(self.memory.get(what))
            elif act == _GIVE:
                stack.append(what)
            elif act == _APPLY:
                stack[-count:] = [what(stack[-count:], self.printed)]
            else:
                raise Ended(what, count)
        return stack[0]


def _end(ending: Ending, node: int) -> tuple[int, Any, int]:
    return _END, ending, node
