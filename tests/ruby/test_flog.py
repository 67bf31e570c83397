"""The label: Flog's weights, summed by hand from its published table."""

import json

import pytest
from ruby_methods import call, method, needs_ruby, s

from trainables.ruby.flog import call_weight
from trainables.ruby.ingest.ruby import parse_source

A, B, C = call("a"), call("b"), call("c")
LAMBDA = s("block", call("lambda"), s("args"), A)
REGEXP = s("regexp", s("str", "b"), s("regopt"))


def number(value: int) -> dict:
    return s("int", value)


def singleton(body: dict) -> dict:
    return s("defs", s("self"), "m", s("args"), body)


# What Ruby says, its tree, and the weights that Flog gives: in a receiver or an argument a call
# weighs 1.2, in a branch or a block 1.1, and penalties add.
METHODS = [
    ("def m; end", method("m"), 0),
    ("def m; a; end", method("m", A), 1),
    ("def m; a.b(c); end", method("m", call("b", C, on=A)), 1 + 1.2 + 1.2),
    ("def m; a * 2; end", method("m", call("*", number(2), on=A)), 1 + 1.2 + 0.25 * 1.2),
    ("def m; a[0]; end", method("m", call("[]", number(0), on=A)), 1 + 1.2),
    ("def m; a[-1]; end", method("m", call("[]", number(-1), on=A)), 1 + 1.2),
    ("def m; send(:a); end", method("m", call("send", s("sym", "a"))), 3),
    ("def m; a&.b; end", method("m", s("csend", A, "b")), 1 + 1.3),
    ("def m; x = a; end", method("m", s("lvasgn", "x", A)), 1 + 1),
    ("def m; $x = a; end", method("m", s("gvasgn", "$x", A)), 1),
    ("def m; a.b = c; end", method("m", call("b=", C, on=A)), 1 + 1 + 1),
    ("def m; a == b; end", method("m", call("==", B, on=A)), 1 + 1.2 + 1.2),
    ("def m; a; b; end", method("m", s("begin", A, B)), 2),
    (
        "def m; if a; b; c; end; end",
        method("m", s("if", A, s("begin", B, C), None)),
        1 + 1 + 1.2 + 1.2,  # two statements are a block of their own
    ),
    (
        "def m; a && b && c; end",
        method("m", s("and", s("and", A, B), C)),
        1 + 1.1 + 1.1 + 1.2 + 1.2,  # a and (b and c)
    ),
    (
        "def m; (a && b) && c; end",
        method("m", s("and", s("begin", s("and", A, B)), C)),
        1 + 1.1 + 1.2 + 1.2 + 1.1,
    ),
    (
        "def m; case a; when 7 then b; else c; end; end",
        method("m", s("case", A, s("when", number(7), B), C)),
        1 + 1 + 1.1 + 0.25 * 1.2 + 1.2 + 1.1,
    ),
    (
        "def m; a; rescue; b; c; end",
        method("m", s("rescue", A, s("resbody", None, None, s("begin", B, C)), None)),
        1 + 1.1 + 1.1 + 1.1,
    ),
    (
        "def m; a { |x| b }; end",
        method("m", s("block", A, s("args", s("arg", "x")), B)),
        1 + 1 + 1.1,
    ),
    ("def m; a(&:b); end", method("m", call("a", s("block_pass", s("sym", "b")))), 1 + 1.2),
    (
        "def m; x += 1 while a; end",
        method("m", s("while", A, s("op_asgn", s("lvasgn", "x"), "+", number(1)))),
        1 + 1.1 + 1.1 + 1.1 + 0.25 * 1.3,
    ),
    ("def m; @x ||= a; end", method("m", s("or_asgn", s("ivasgn", "@x"), A)), 1 + 1),
    ("def m; a.b ||= c; end", method("m", s("or_asgn", call("b", on=A), C)), 1 + 1),
    (
        "def m; x, y = a; end",
        method("m", s("masgn", s("mlhs", s("lvasgn", "x"), s("lvasgn", "y")), A)),
        1 + 2 + 1,
    ),
    ("def m(x = a); end", method("m", None, s("optarg", "x", A)), 1 + 1),
    ("def m; a =~ /b/; end", method("m", call("=~", REGEXP, on=A)), 1),
    ("def m; a(1..5); end", method("m", call("a", s("irange", number(1), number(5)))), 1),
    ("def m; yield a; super(b); end", method("m", s("begin", s("yield", A), s("super", B))), 4),
    ("def m; super; end", method("m", s("zsuper")), 0),
    ("def m; ->{ a }; end", method("m", LAMBDA), 1 + 1.1),
    ("def m; lambda { a }; end", method("m", LAMBDA), 1 + 1 + 1.1),
    ("def self.m; eval(a); end", singleton(call("eval", A)), 5 + 1.2),
    (
        "def m; a; def n; b; c; end; end",
        method("m", s("begin", A, method("n", s("begin", B, C)))),
        1,  # the rest is another method's
    ),
    ("def m; alias x y; end", method("m", s("alias", s("sym", "x"), s("sym", "y"))), 2),
]  # fmt: skip


@pytest.mark.parametrize(("source", "tree", "weight"), METHODS)
def test_a_method_weighs_what_its_calls_weigh_by_hand(source, tree, weight):
    assert call_weight(tree, source) == pytest.approx(weight, abs=0.0051)


@needs_ruby
def test_the_trees_weighed_by_hand_are_those_of_ruby():
    parsed = parse_source("\n".join(source for source, _, _ in METHODS))
    trees = [one.ast for one in parsed if one.name != "n"]  # which stands in another
    for (source, tree, _), found in zip(METHODS, trees, strict=True):
        assert found == json.loads(json.dumps(tree)), source


def test_a_weight_has_two_decimals_and_halves_go_up():
    assert call_weight(method("m", call("a", number(7)))) == 1.3  # 1 + .25 x 1.2
    seven = s("if", s("true"), number(7), None)
    assert call_weight(method("m", seven)) == 1.28  # 1 + .25 x 1.1 = 1.275


def test_a_lambda_without_a_text_is_a_call():
    tree = method("m", s("block", call("lambda"), s("args"), None))
    assert call_weight(tree) == 2
    assert call_weight(tree, "def m = ->{}") == 1


def test_a_tree_of_any_depth_is_weighed():
    tree = A
    for _ in range(20_000):
        tree = s("begin", tree)
    assert call_weight(method("m", tree)) == 1


def test_a_node_that_the_parser_does_not_give_is_refused():
    with pytest.raises(ValueError, match="a node send has not the children of Ruby's parser"):
        call_weight(method("m", s("send", None)))
    with pytest.raises(ValueError, match="a node op_asgn"):
        call_weight(method("m", s("op_asgn", "x", "+")))
