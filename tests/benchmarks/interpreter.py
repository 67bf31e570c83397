"""Runs the documented Fibonacci graph, 57 steps, over and over on one core.

Prints graphs a second, each from its lists of nodes and edges as a network's graphs come; beside it
the same sums in plain Python and the walk along execution edges alone.

    python tests/benchmarks/interpreter.py [--rounds 9] [--runs 500]
"""

from statistics import median

from by_turns import ratio, times_by_turns
from command_line import options_of, parser_of

from trainables.graph.program.fibonacci import FIBONACCI
from trainables.graph.program.interpreter import run, walk

BOUND = 4000  # graphs a second


def plain() -> dict[str, int]:
    """What the graph computes."""
    memory = {"a": 0, "b": 1, "count": 0}
    while memory["count"] < 10:
        memory["temp"] = memory["a"] + memory["b"]
        memory["a"] = memory["b"]
        memory["b"] = memory["temp"]
        memory["count"] += 1
    return memory


def main() -> None:
    """Print the pace of each."""
    parser = parser_of(__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--runs", type=int, default=500, help="in a round")
    options = options_of(parser, rounds=1, runs=20)
    actions = {
        "interpreter": lambda: [run(FIBONACCI) for _ in range(options.runs)],
        "walk": lambda: [walk(FIBONACCI) for _ in range(options.runs)],
        "plain Python": lambda: [plain() for _ in range(options.runs)],
    }
    times = times_by_turns(actions, options.rounds)
    for name in actions:
        pace = options.runs / median(times[name])
        took = ratio(times, "interpreter", name)
        print(f"{name:12} {pace:9.0f} graphs/s, the interpreter takes {took:.1f} times its time")
    pace = options.runs / median(times["interpreter"])
    print(f"the interpreter's pace is {pace / BOUND:.1f} times the bound of {BOUND}")


if __name__ == "__main__":
    main()
