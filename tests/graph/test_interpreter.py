"""What programs compute, and each way in which a run may end."""

from time import process_time

import pytest
from hands import program

from trainables.graph.graphs import Kind, Program
from trainables.graph.program.fibonacci import FIBONACCI
from trainables.graph.program.interpreter import Ending, entry_of, run, walk
from trainables.graph.program.programs import programs


def test_the_documented_program_adds_up_to_the_tenth_fibonacci_number():
    outcome = run(FIBONACCI)
    assert outcome.ending == Ending.HALTED
    assert outcome.steps == 57
    assert outcome.memory == {"a": 55, "b": 89, "count": 10, "temp": 89}
    assert outcome.printed == [55]
    assert outcome.value == 55
    assert (len(FIBONACCI.motifs), len(FIBONACCI.edges)) == (25, 26)


def test_a_trace_tells_each_step_with_its_value():
    trace = run(FIBONACCI).trace
    assert trace[:6] == [(0, None), (2, 0), (4, 1), (5, 0), (9, True), (13, 1)]
    assert trace[-3:] == [(9, False), (23, 55), (24, None)]
    assert len(trace) == 57


@pytest.mark.parametrize(
    ("limit", "ending"), [(57, "halted"), (56, "step limit"), (0, "step limit")]
)
def test_a_run_takes_no_more_steps_than_its_limit(limit, ending):
    outcome = run(FIBONACCI, limit)
    assert (outcome.ending, outcome.steps) == (ending, limit)


def reference(program: Program, limit: int = 300) -> tuple[str, list, dict]:
    """A recursive interpreter as simple as can be: how it ended, what it printed and stored."""
    printed: list = []
    memory: dict = {}
    word = {n: program.pool[at] for n, at in enumerate(program.literals) if at is not None}

    def inputs(node: int) -> list[int]:
        into = [e for e in program.edges if e.kind == Kind.DATA and e.target == node]
        return [e.source for e in sorted(into, key=lambda e: e.index)]

    def value(node: int) -> object:
        name = program.motifs[node].name
        if name == "STATE":
            return memory.get(word[node])
        if name != "MESSAGE":
            return None
        if not inputs(node):
            return word[node]
        values = [value(source) for source in inputs(node)]
        if word[node] == "print":
            printed.extend(values)
            return values[0]
        if word[node] == "<":
            return all(a < b for a, b in zip(values, values[1:], strict=False))
        total = values[0]
        for more in values[1:]:
            total = total + more if word[node] == "+" else total - more
        return total

    node, steps = 0, 0
    while steps < limit:
        steps += 1
        name = program.motifs[node].name
        if name == "BOUNDARY" and steps > 1:
            return "halted", printed, memory
        way = 0
        if name in ("CONDITION", "LOOP"):
            way = 0 if value(inputs(node)[0]) else 1
        elif name == "STATE" and inputs(node):
            memory[word[node]] = value(inputs(node)[0])
        elif name == "MESSAGE":
            value(node)
        onward = {e.index: e.target for e in program.edges
                  if e.kind == Kind.EXECUTION and e.source == node}  # fmt: skip
        if not onward:
            return "ran out", printed, memory
        node = onward[way]
    return "step limit", printed, memory


def test_random_programs_compute_what_a_plain_interpreter_does():
    for one in programs(250, 11, "interpreter", 40):
        outcome = run(one)
        assert (outcome.ending, outcome.printed, outcome.memory) == reference(one)


@pytest.mark.parametrize(
    ("ending", "one"),
    [
        ("halted", program("BB", "", "0-1")),
        ("ran out", program("B")),
        ("ran out", program("BQ", "", "0-1")),
        ("ran out", program("BS", "", "0-1", ("", "x"))),
        ("ran out", program("BM", "", "0-1")),
        ("step limit", program("BQQ", "", "0-1 1-2 2-1")),
        ("data cycle", program("BSMM", "2>1 3>2 2>3", "0-1", ("", "x", "+", "+"))),
        ("type error", program("BMMM", "2>1:0 3>1:1", "0-1", ("", "+", 1, "one"))),
        ("type error", program("BMMM", "2>1:0 3>1:1", "0-1", ("", "<", 1, "one"))),
        ("type error", program("BMMM", "2>1:0 3>1:1", "0-1", ("", "-", "a", "b"))),
        ("type error", program("BMMS", "2>1:0 3>1:1", "0-1", ("", "+", 1, "never set"))),
        ("type error", program("BMMM", "2>1:0 3>1:1", "0-1", ("", "+", 1, True))),
        ("missing operand", program("BMQ", "", "0-1 1-2", ("", "print"))),
        ("missing operand", program("BMM", "2>1", "0-1", ("", "+", 1))),
        ("missing operand", program("BCQ", "", "0-1 1-2")),
        ("missing operand", program("BLQ", "", "0-1 1-2")),
        ("missing operand", program("BSQ", "", "0-1 1-2", ("", "x"))),
        ("missing entry", program("SM", "1>0", "", ("x", 1))),
        ("missing entry", program("")),
        ("missing edge", program("BCMQ", "2>1", "0-1 1-3:0", ("", "", 0))),
        ("missing edge", program("BQQ", "", "0-1 1-2:1")),
        ("missing literal", program("BSM", "2>1", "0-1", ("", "", 1))),
        ("missing literal", program("BSM", "2>1", "0-1", ("", "x"))),
        ("unknown operation", program("BMM", "2>1", "0-1", ("", "launch", 1))),
        ("unknown operation", program("BMM", "2>1", "0-1", ("", 7, 1))),
        ("value too large", program("BMMM", "2>1:0 3>1:1", "0-1", ("", "+", 2**5000, 1))),
        ("value too large", program("BMMM", "2>1:0 3>1:1", "0-1", ("", "+", 2**4000, 0.5))),
        ("value too large", program("BMMM", "2>1:0 3>1:1", "0-1", ("", "+", "a" * 999, "bc"))),
    ],
)  # fmt: skip
def test_a_run_says_how_it_ended(ending, one):
    outcome = run(one, 1000)
    assert outcome.ending == ending
    assert outcome.ending.halts == (ending in ("halted", "ran out"))


def test_each_ending_has_a_program_that_ends_so():
    """But for the limit of data, which has its own test."""
    parameters = test_a_run_says_how_it_ended.pytestmark[0].args[1]
    assert {ending for ending, _ in parameters} == {*Ending} - {Ending.DATA_LIMIT}


def doubling(levels: int, word: str = "+") -> Program:
    """Pairs of Messages of which each works on both of the pair above: 2 ** levels uses."""
    letters, data = "BS" + "MM" * levels, ["2>1"]
    for level in range(1, levels):
        above = 2 + 2 * level
        data += [f"{above + i}>{above - 2 + j}:{i}" for i in range(2) for j in range(2)]
    words = ("", "x", *[word] * (2 * levels - 2), 1, 2)
    return program(letters, " ".join(data), "0-1", words)


def test_shared_data_are_worked_out_for_each_use():
    assert run(doubling(5)).memory == {"x": 24}  # 16 sums of 1 and 2, halved
    assert len(run(doubling(4, "print")).printed) == 2 + 4 + 8


def test_data_that_are_used_too_often_end_a_run_soon():
    began = process_time()
    assert run(doubling(60)).ending == Ending.DATA_LIMIT
    assert process_time() - began < 2


def test_an_endless_sum_ends_at_the_size_of_its_value():
    double = program(
        "BSMSMSSQ", "2>1 4>3 5>4:0 6>4:1", "0-1 1-3 3-7 7-3", ("", "x", 1, "x", "+", "x", "x")
    )
    outcome = run(double)
    assert outcome.ending == Ending.VALUE_TOO_LARGE
    assert outcome.memory["x"] == 2**4095


def test_ten_thousand_steps_are_the_limit_of_an_endless_loop():
    endless = program("BLMQ", "2>1", "0-1 1-3 3-1", ("", "", True))
    assert run(endless).steps == 10_000


def test_a_read_breaks_a_cycle_of_data():
    """x = x + 1 where the read is the write's own node."""
    once = program("BSMMB", "2>1 1>2:0 3>2:1", "0-1 1-4", ("", "x", "print", 5))
    assert run(once).printed == [None, 5]


def test_inputs_stand_in_the_order_of_their_indices_however_these_are():
    words = ("", "-", 9, 2, 4)
    assert run(program("BMMMM", "4>1:0 2>1:3 3>1:2", "0-1", words)).value == 4 - 2 - 9
    assert run(program("BMMMM", "4>1:1 2>1:1 3>1:1", "0-1", words)).value == 9 - 2 - 4


def test_what_is_no_state_and_no_message_gives_none():
    assert (
        run(program("BMCLQB", "2>1:0 3>1:1 4>1:2 5>1:3", "0-1", ("", "print"))).printed
        == [None] * 4
    )


def test_a_message_without_literal_works_its_inputs_out_and_gives_none():
    one = program("BMMMB", "2>1:0 3>2:0", "0-1 1-4", ("", "", "print", 8))
    outcome = run(one)
    assert (outcome.ending, outcome.printed, outcome.value) == ("halted", [8], None)


def test_names_and_texts_may_be_any():
    one = program("BSMMS", "2>1 4>3:0", "0-1 1-3", ("", "ħ\ud800", "日本", "print", "ħ\ud800"))
    assert run(one).printed == ["日本"]


def test_the_entry_is_the_first_boundary_or_the_first_that_is_not_entered():
    exit_first = program("BQB", "", "2-1 1-0")
    assert run(exit_first).ending == Ending.RAN_OUT
    assert run(exit_first).steps == 1
    assert run(exit_first, entry="unentered").ending == Ending.HALTED
    assert [entry_of(FIBONACCI, entry) for entry in ("first", "unentered", "as_run")] == [
        0,
        0,
        None,
    ]


def test_as_run_the_entry_is_a_boundary_that_leads_nowhere():
    assert run(FIBONACCI, entry="as_run").ending == Ending.MISSING_ENTRY
    assert entry_of(program("BQB", "", "0-1"), "as_run") == 2


def test_a_walk_needs_no_literals_and_takes_branches_by_turns():
    assert walk(FIBONACCI) == (Ending.HALTED, 12)  # once round the loop
    assert walk(program("BQQ", "", "0-1 1-2 2-1"), 9) == (Ending.STEP_LIMIT, 9)
    assert walk(program("BC", "", "0-1")) == (Ending.RAN_OUT, 2)
    assert walk(program("BCQQ", "", "0-1 1-2:1 1-3:2 2-1")) == (Ending.RAN_OUT, 5)
    assert walk(program("Q")) == (Ending.MISSING_ENTRY, 0)
    assert walk(FIBONACCI, 0) == (Ending.STEP_LIMIT, 0)


def test_as_run_a_walk_takes_the_turn_of_its_step():
    def as_run(one: Program) -> tuple[Ending, int]:
        return walk(one, 500, turns="as_run")

    assert as_run(FIBONACCI) == (Ending.HALTED, 7)  # the loop is the fifth step: index 1
    assert as_run(program("BCQQ", "", "0-1 1-2:1 1-3:2")) == (Ending.MISSING_EDGE, 2)
    assert as_run(program("BLQQB", "", "0-1 1-2 2-1 1-4:1")) == (Ending.STEP_LIMIT, 500)
    assert as_run(program("BLQQB", "", "0-1 1-2 2-3 3-1 1-4:1")) == (Ending.HALTED, 6)
    assert as_run(program("BQQ", "", "0-1 1-2:2")) == (Ending.RAN_OUT, 3)


def test_two_runs_of_a_program_share_nothing():
    first = run(FIBONACCI)
    first.memory["a"] = 0
    assert run(FIBONACCI).memory["a"] == 55


@pytest.mark.parametrize(
    ("node", "one"),
    [
        (3, program("BSMM", "2>1 3>2", "0-1", ("", "x", "print", ""))),
        (2, program("BSMM", "2>1 3>2", "0-1", ("", "x", "launch", 1))),
        (1, program("BQM", "", "0-1", ("", "", 1))),
        (1, program("BMMM", "2>1:0 3>1:1", "0-1", ("", "+", 1, "one"))),
        (None, program("SM", "1>0", "", ("x", 1))),
    ],
)
def test_a_run_says_at_which_node_it_ended(node, one):
    assert run(one).node == node
