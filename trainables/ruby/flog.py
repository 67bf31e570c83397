"""The label of a method: what Flog's weights of its calls and branches sum to.

Flog walks a method and adds a weight for each call, assignment, branch and block, times a
multiplier that grows within arguments, branches and blocks. The weights and penalties are those of
seattlerb/flog@8f6b7e0 (4.8.0). The documented label is the plain sum of them, rounded to two
decimals, not Flog's own total (timlawrenz/jubilant-palm-tree, 03_process_methods.rb@9ddf176); where
a method defines another one in its body it is the sum of the method that scores first.

Flog reads the trees of another parser (ruby_parser). What differs there and matters here is told at
each rule. Sums are in whole thousandths, so nothing depends on the order of additions.
"""

from collections.abc import Callable
from typing import Any

from trainables.ruby.trees import Node

# Weights in hundredths, penalties in tenths of the multiplier.
CALLS = (
    dict.fromkeys("define_method eval module_eval class_eval instance_eval".split(), 500)
    | dict.fromkeys(
        """alias_method extend include instance_method instance_methods method_added
        method_defined? method_removed method_undefined private_class_method
        private_instance_methods private_method_defined? protected_instance_methods
        protected_method_defined? public_class_method public_instance_methods
        public_method_defined? remove_method undef_method inject""".split(),
        200,
    )
    | {"send": 300}
)
CALL, ASSIGNMENT, ALIAS, SINGLETON, MAGIC_NUMBER = 100, 100, 200, 500, 25
BLOCK_PASS, TO_PROC_ASSIGNED, TO_PROC_STRANGE = 100, 1500, 1000
BRANCHES = "and or case case_match if rescue when until while until_post while_post".split()
# type: weight, penalty of the first child, of the others
PLAIN = {
    **dict.fromkeys(["if", "case", "case_match", "block", "numblock", "itblock"], (100, 0, 1)),
    **dict.fromkeys(["while", "until", "while_post", "until_post", "when", "rescue"], (100, 1, 1)),
    **dict.fromkeys(["lvasgn", "ivasgn", "optarg", "masgn", "match_var"], (ASSIGNMENT, 0, 0)),
    **dict.fromkeys(["yield", "super"], (100, 0, 0)),
    "in_pattern": (0, 1, 1),
    "postexe": (100, 1, 1),
}
COMPARISONS = {"==", "===", "!=", "<=", ">="}
NUMBERS = {"int", "float", "rational", "complex"}
STRANGE = {*BRANCHES, "block", "numblock", "itblock", "hash", "dstr", "dsym"}
BODIES = {"def", "defs", "when", "resbody", "sclass", "class", "module", "in_pattern"}
TOP = "#none"

Step = tuple[Any, int]  # a child and its penalty, or a weight that is due after others
Rule = Callable[[Node, str, bool], list[Step]]


def call_weight(tree: Node, source: str = "") -> float:
    """The documented complexity of the method, in Flog's points, to two decimals.

    Args:
        tree: as `trees.read_tree` gives it, its nodes known to be such.
        source: the method's text. `-> {}` and `lambda {}` are one tree, but only the second is a
            call to Flog; it is taken for that where the text says `lambda`, and without a text.

    Raises:
        ValueError: a node has other children than the parser gives one of its type.
    """
    stabby = bool(source) and "lambda" not in source
    sums: dict[str, int] = {}
    stack: list[tuple[Any, int, str, str]] = [(tree, 10, TOP, "")]
    while stack:
        item, multiplier, method, parent = stack.pop()
        if isinstance(item, int):
            sums[method] = sums.get(method, 0) + item * multiplier
            continue
        kind = item["type"]
        try:
            steps = _steps(item, parent, stabby)
        except (ValueError, TypeError, AttributeError, KeyError, IndexError) as error:
            raise ValueError(f"a node {kind} has not the children of Ruby's parser") from error
        for child, penalty in reversed(steps):
            whose = _whose(item, child, method)
            stack.append((child, multiplier + penalty, whose, kind))
    first = next(iter(sums.values()), 0)
    return (first + 5) // 10 / 100


def _whose(node: Node, child: Any, method: str) -> str:
    """The method that a child of the node counts for."""
    kind, children = node["type"], node["children"]
    if kind == "def":
        return f"#{children[0]}"
    if kind == "defs":
        return method if child is children[0] else f"::{children[1]}"
    if kind in ("sclass", "class", "module") and not isinstance(child, int):
        return TOP
    return method


def _steps(node: Node, parent: str, stabby: bool) -> list[Step]:
    """Weights and children of a node in the order in which Flog comes to them."""
    kind = node["type"]
    if kind in PLAIN:
        weight, first, other = PLAIN[kind]
        children = node["children"]
        steps = [(c, other if place else first) for place, c in enumerate(children)]
        return [(weight, 0), *_nodes(steps)]
    rule = RULES.get(kind)
    return rule(node, parent, stabby) if rule else _all(node["children"], 0)


def _nodes(steps: list[Step]) -> list[Step]:
    return [step for step in steps if isinstance(step[0], dict)]


def _all(children: list[Any], penalty: int) -> list[Step]:
    return _nodes([(child, penalty) for child in children])


def _send(node: Node, parent: str, stabby: bool) -> list[Step]:
    receiver, name, *arguments = node["children"]
    if name.endswith("=") and name not in COMPARISONS:
        return [(ASSIGNMENT, 0), *_all([receiver, *arguments], 0)]
    literal = [one["type"] for one in (receiver, *arguments) if isinstance(one, dict)]
    if name in ("=~", "!~") and "regexp" in literal:
        return _all([receiver, *arguments], 0)  # a match and no call there
    if stabby and name == "lambda" and receiver is None and parent == "block":
        return []
    return _call(name, receiver, arguments, 2)


def _csend(node: Node, parent: str, stabby: bool) -> list[Step]:
    receiver, name, *arguments = node["children"]
    if name.endswith("=") and name not in COMPARISONS:
        return _all([receiver, *arguments], 0)  # unknown to Flog
    return _call(name, receiver, arguments, 3)


def _call(name: str, receiver: Any, arguments: list[Any], penalty: int) -> list[Step]:
    weight = CALLS.get(name, CALL)
    return [*_all([receiver], penalty), *_all(arguments, 2), (weight, 0)]


def _logic(node: Node, parent: str, stabby: bool) -> list[Step]:
    """`a && b && c` nests to the right there and to the left here."""
    kind, operands = node["type"], [node["children"][1]]
    left = node["children"][0]
    while isinstance(left, dict) and left["type"] == kind:
        operands.append(left["children"][1])
        left = left["children"][0]
    operands.append(left)
    operands.reverse()
    last = len(operands) - 1
    steps: list[Step] = []
    for place, operand in enumerate(operands):
        if place < last:
            steps.append((CALL, place))
        steps.append((operand, min(place + 1, last)))
    return [step for step in steps if step[0] is not None]


def _sequence(node: Node, parent: str, stabby: bool) -> list[Step]:
    """Several statements are a block and cost a penalty, but where they are all of a body."""
    children = node["children"]
    return _all(children, 1 if len(children) > 1 and parent not in BODIES else 0)


def _operator_assignment(node: Node, parent: str, stabby: bool) -> list[Step]:
    """`x += 1` is an assignment of a call; `a.b += 1` and `a[0] += 1` are unknown to Flog."""
    target, _, value = node["children"]
    if target["type"] in ("send", "csend", "index"):
        return _all([*target["children"], value], 0)
    assigned = [(ASSIGNMENT, 0)] if target["type"] in ("lvasgn", "ivasgn") else []
    return [*assigned, *_all(target["children"], 0), *_all([value], 2), (CALL, 0)]


def _or_assignment(node: Node, parent: str, stabby: bool) -> list[Step]:
    target, value = node["children"]
    if target["type"] in ("send", "csend", "index"):
        return _all([*target["children"], value], 0)
    assigned = [(ASSIGNMENT, 0)] if target["type"] in ("lvasgn", "ivasgn") else []
    return [*assigned, *_all([*target["children"], value], 0)]


def _block_pass(node: Node, parent: str, stabby: bool) -> list[Step]:
    [passed] = node["children"]
    inner = passed
    while isinstance(inner, dict) and inner["type"] == "begin" and len(inner["children"]) == 1:
        inner = inner["children"][0]
    kind = inner["type"] if isinstance(inner, dict) else ""
    extra = TO_PROC_STRANGE if kind in STRANGE else TO_PROC_ASSIGNED if kind == "lvasgn" else 0
    return [(BLOCK_PASS + extra, 0), *_all([passed], 0)]


def _number(node: Node, parent: str, stabby: bool) -> list[Step]:
    """0 and -1 are free, as places of first and last, and so is the value of a constant."""
    free = parent == "casgn" or node["children"][0] in (0, -1)
    return [] if free else [(MAGIC_NUMBER, 0)]


def _range(node: Node, parent: str, stabby: bool) -> list[Step]:
    """Between whole numbers it is one literal there."""
    ends = [end["type"] if isinstance(end, dict) else "" for end in node["children"]]
    return [] if ends == ["int", "int"] else _all(node["children"], 0)


def _targets(node: Node, parent: str, stabby: bool) -> list[Step]:
    """Each pair of brackets is an assignment of its own, in parameters each name in it too."""
    children = node["children"]
    names = sum(child["type"] in ("arg", "restarg") for child in children)
    own = 0 if parent == "masgn" else ASSIGNMENT
    return [(own + names * ASSIGNMENT, 0), *_all(children, 0)]


def _alias(node: Node, parent: str, stabby: bool) -> list[Step]:
    return [] if node["children"][0]["type"] == "gvar" else [(ALIAS, 0)]


def _singleton(node: Node, parent: str, stabby: bool) -> list[Step]:
    return [*_all(node["children"], 5), (SINGLETON, 0)]


def _class(node: Node, parent: str, stabby: bool) -> list[Step]:
    _, parent_class, body = node["children"]
    return [*_all([parent_class], 10), *_all([body], 0)]


RULES: dict[str, Rule] = {
    "send": _send,
    "csend": _csend,
    "and": _logic,
    "or": _logic,
    "begin": _sequence,
    "kwbegin": _sequence,
    "op_asgn": _operator_assignment,
    "or_asgn": _or_assignment,
    "and_asgn": _or_assignment,
    "block_pass": _block_pass,
    **dict.fromkeys(NUMBERS, _number),
    "irange": _range,
    "erange": _range,
    "mlhs": _targets,
    "alias": _alias,
    "sclass": _singleton,
    "class": _class,
}
