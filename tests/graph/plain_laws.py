"""The six laws in plain Python on one program, as an independent reference for the tests."""

from trainables.graph.graphs import Kind, Motif, Program

BRANCHING = (Motif.CONDITION, Motif.LOOP)


def reached(start: int, ways: dict[int, set[int]]) -> set[int]:
    seen, todo = set(), [start]
    while todo:
        node = todo.pop()
        if node not in seen:
            seen.add(node)
            todo.extend(ways.get(node, ()))
    return seen


def ways(edges: list[tuple[int, int]]) -> dict[int, set[int]]:
    found: dict[int, set[int]] = {}
    for source, target in edges:
        found.setdefault(source, set()).add(target)
    return found


def broken_laws(program: Program, rules: str) -> set[str]:
    """The names of those that a program breaks in a rule set: "published" or "corrected"."""
    nodes = range(len(program.motifs))
    execution = [e for e in program.edges if e.kind == Kind.EXECUTION]
    data = [e for e in program.edges if e.kind == Kind.DATA]
    out = {n: [e.index for e in execution if e.source == n] for n in nodes}
    entering = {n: [e.source for e in execution if e.target == n] for n in nodes}
    into = {n: [e.index for e in data if e.target == n] for n in nodes}
    laws: dict[str, bool] = {}

    def outputs_lawful(node: int) -> bool:
        motif, indices = program.motifs[node], out[node]
        if motif not in BRANCHING:
            return len(indices) <= 1
        counts = {0, 1, 2} if rules == "corrected" else {0, 2}
        return len(indices) in counts and len(set(indices)) == len(indices)

    def inputs_lawful(node: int) -> bool:
        motif, indices = program.motifs[node], into[node]
        if motif == Motif.MESSAGE:
            return len(set(indices)) == len(indices)
        if motif in BRANCHING or (motif == Motif.STATE and out[node]):
            return len(indices) >= 1 if rules == "corrected" else len(indices) == 1
        return True

    def on_a_cycle(node: int) -> bool:
        on = ways([(e.source, e.target) for e in data])
        return any(node in reached(next_node, on) for next_node in on.get(node, ()))

    laws["out_degree"] = all(map(outputs_lawful, nodes))
    laws["in_degree"] = all(map(inputs_lawful, nodes))
    both = [(e.source, e.target) for e in program.edges]
    laws["orphan"] = reached(0, ways(both + [(b, a) for a, b in both])) == set(nodes)
    laws["acyclic"] = not any(map(on_a_cycle, nodes))
    onward = ways([(e.source, e.target) for e in execution])
    exits = {n for n in nodes if not out[n]}
    laws["terminal"] = bool(exits) and all(reached(n, onward) & exits for n in nodes if out[n])
    entries = [n for n in nodes if program.motifs[n] == Motif.BOUNDARY and not entering[n]]
    taking_part = {n for n in nodes if out[n] or entering[n]}
    laws["spine"] = len(entries) == 1 and taking_part <= reached(entries[0], onward)
    return {law for law, holds in laws.items() if not holds}
