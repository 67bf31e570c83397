"""Shows a program as a motif graph, its laws, each step of its run, and a picture of it.

    python -m trainables.graph fibonacci
    python -m trainables.graph FILE.rb [--method NAME] [--limit 1000] [--picture FILE.png]

A method is parsed by Ruby's own parser and compressed to motifs, which forgets what its operations
mean, so a run of one mostly ends at the first that the interpreter does not know.
"""

import argparse
import sys
from pathlib import Path

import numpy as np

from trainables.graph.graphs import Graphs, Kind, Program
from trainables.graph.picture.pictures import drawing, shown
from trainables.graph.program.compress import compress
from trainables.graph.program.fibonacci import FIBONACCI
from trainables.graph.program.interpreter import Outcome, run
from trainables.ruby.ingest.ruby import parse_source


def main(arguments: list[str] | None = None) -> int:
    """Prints and writes what was asked for; 2 and a line on stderr where that cannot be done."""
    options = _options(arguments)
    try:
        name, program = _program(options.source, options.method)
        told = [*_graph(program), *_laws(program), *_run(program, run(program, options.limit))]
        print(*told, sep="\n", flush=True)  # before the picture, which may take long or be refused
        picture = options.picture or Path(f"{name}.png")
        picture.write_bytes(drawing(program))
    except (OSError, ValueError, RuntimeError) as error:
        print(f"trainables.graph: {error}", file=sys.stderr)
        return 2
    print(f"picture: {picture}")
    return 0


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m trainables.graph",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("source", help="`fibonacci`, or a file of Ruby")
    parser.add_argument("--method", help="one of the file's, where it is not to be the first")
    parser.add_argument("--limit", type=int, default=1000, help="steps")
    parser.add_argument("--picture", type=Path, help="PNG; named after the method otherwise")
    return parser.parse_args(arguments)


def _program(source: str, method: str | None) -> tuple[str, Program]:
    """What is to be shown and its name."""
    if source == "fibonacci":
        return source, FIBONACCI
    if not Path(source).is_file():
        raise ValueError(f"source must be `fibonacci` or a file of Ruby, got {source!r}")
    text = Path(source).read_text("utf-8", "surrogateescape")
    methods = parse_source(text, source)
    found = [one for one in methods if method in (None, one.name)]
    if not found:
        names = ", ".join(one.name for one in methods) or "no method"
        raise ValueError(f"{source}: must have a method {method or 'to show'}, got {names}")
    told = compress(found[0].ast)
    print(f"{found[0].name}, line {found[0].start_line} of {source}")
    if told.clamped or told.dropped:
        print(f"{told.clamped} indices above 3 clamped, {told.dropped} literals dropped")
    stem = "".join(c if c.isalnum() else "_" for c in found[0].name)
    return f"{Path(source).stem}-{stem}", told.program


def _graph(program: Program) -> list[str]:
    """Each node with its literal and where its edges lead."""
    lines = [
        f"{len(program.motifs)} nodes, {len(program.edges)} edges, {len(program.pool)} literals",
        "node  motif      literal       execution to    data to",
    ]
    for node in range(len(program.motifs)):
        leads = {kind: [] for kind in Kind}
        for edge in program.edges:
            if edge.source == node:
                leads[edge.kind].append(f"{edge.target}:{edge.index}")
        ways, data = (" ".join(leads[kind]) for kind in Kind)
        lines.append(f"{_node(program, node)}  {ways:14}  {data}".rstrip())
    return lines


def _laws(program: Program) -> list[str]:
    """Each law in both rule sets."""
    from trainables.graph.judge.laws import check

    graphs = Graphs.of([program])
    published, corrected = check(graphs, "published"), check(graphs, "corrected")
    return ["law         published  corrected"] + [
        f"{law:10}  {_kept(published[law][0]):9}  {_kept(corrected[law][0])}" for law in published
    ]


def _run(program: Program, outcome: Outcome) -> list[str]:
    lines = ["step  node  motif      literal       value"]
    for step, (node, value) in enumerate(outcome.trace, start=1):
        value = "" if value is None else shown(value)
        lines.append(f"{step:4}  {_node(program, node)}  {value}".rstrip())
    memory = ", ".join(f"{shown(name)} = {shown(value)}" for name, value in outcome.memory.items())
    return [
        *lines,
        f"ending: {outcome.ending} after {outcome.steps} steps{_where(program, outcome)}",
        f"printed: {' '.join(map(shown, outcome.printed)) or 'nothing'}",
        f"memory: {memory or 'empty'}",
        f"value: {shown(outcome.value)}",
    ]


def _where(program: Program, outcome: Outcome) -> str:
    """The node that a run ended at, by its literal too."""
    return (
        ""
        if outcome.node is None
        else f", at node {' '.join(_node(program, outcome.node).split())}"
    )


def _node(program: Program, node: int) -> str:
    at = program.literals[node] if program.literals else None
    literal = "" if at is None else shown(program.pool[at])
    return f"{node:4}  {program.motifs[node].name.lower():9}  {literal:12}"


def _kept(holds: np.bool_) -> str:
    return "kept" if holds else "broken"


if __name__ == "__main__":
    raise SystemExit(main())
