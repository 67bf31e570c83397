"""Trees: read at any depth, checked node by node, and told apart by a hash."""

import json

import pytest
from ruby_methods import call, method, s

from trainables.ruby.trees import measure, read_tree

DEEP = 5000


def nested(levels: int) -> str:
    return '{"type":"begin","children":[' * levels + '"end"' + "]}" * levels


def test_a_tree_is_read_as_json_is():
    tree = method("m", call("a", s("float", 1.5), s("str", 'é"\n'), s("true"), on=None))
    assert read_tree(json.dumps(tree)) == tree


def test_a_tree_deeper_than_the_stack_is_read_and_measured():
    shape = measure(read_tree(nested(DEEP)))
    assert (shape.nodes, shape.literals, shape.depth) == (DEEP + 1, 1, DEEP + 1)


def test_below_the_stack_the_same_is_read_as_above_it():
    inner = json.dumps(method("m", s("array", s("int", -12), s("str", "]},"), None, True, 1.5e3)))
    deep = nested(DEEP).replace('"end"', f' {inner} ,\n[] , {{"k" : {{}} }}')
    tree = read_tree(deep)
    for _ in range(DEEP - 1):
        [tree] = tree["children"]
    assert tree["children"] == [json.loads(inner), [], {"k": {}}]


@pytest.mark.parametrize("levels", [3, DEEP])
@pytest.mark.parametrize(
    "inner",
    ['"end', '"end",', '"end" 1', "01", "NaN", "{1:2}", '{"a" 2}', '["a"}', '"\n"', "-", ","],
)
def test_what_is_no_json_is_refused_at_any_depth(inner, levels):
    with pytest.raises(ValueError, match="JSON"):
        read_tree(nested(levels).replace('"end"', inner))


@pytest.mark.parametrize("levels", [3, DEEP])
def test_brackets_that_do_not_match_are_refused_at_any_depth(levels):
    text = nested(levels)
    for bad in (text[:-1], text + "}", text + "{}", text[:-2] + "}]", text[1:]):
        with pytest.raises(ValueError, match="JSON"):
            read_tree(bad)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("null", "ast_json is null, not a node"),
        ("[]", "ast_json is a list"),
        ("3", "ast_json is a number"),
        ('"a"', "ast_json is a string"),
        ("", "ast_json is no JSON"),
        ('{"type":"def"', "ast_json is no JSON"),
    ],
)
def test_what_is_no_tree_is_refused_with_the_reason(text, reason):
    with pytest.raises(ValueError, match=reason):
        read_tree(text)


@pytest.mark.parametrize(
    ("node", "reason"),
    [
        ({"type": "begin"}, "a node has no children"),
        ({"children": []}, "a node has no type"),
        ({"type": 3, "children": []}, "a node has no type"),
        ({"type": "begin", "children": [[]]}, "a list stands where a node must"),
    ],
)
def test_a_node_that_is_none_is_found_wherever_it_is(node, reason):
    for tree in (node, method("m", s("begin", s("nil"), node))):
        with pytest.raises(ValueError, match=reason):
            measure(tree)


def test_the_hash_is_of_types_literals_and_their_order_and_not_of_spaces():
    text = json.dumps(method("m", call("a", s("int", 1), s("int", 2))))
    same = read_tree(text.replace(", ", " ,\n "))
    digest = measure(read_tree(text)).sha256
    assert measure(same).sha256 == digest
    for old, new in [('"int"', '"float"'), ("[1]", "[3]"), ("[1]", '["1"]'), ("[1]", "[1, null]")]:
        assert measure(read_tree(text.replace(old, new, 1))).sha256 != digest
    turned = text.replace("[1]", "[0]").replace("[2]", "[1]").replace("[0]", "[2]")
    assert measure(read_tree(turned)).sha256 != digest
    assert (
        measure(method("m", s("begin", s("nil"), A := s("self")))).sha256
        != measure(method("m", s("begin", s("nil", A)))).sha256
    )


def test_a_number_longer_than_python_reads_is_kept_as_its_text():
    digits = "9" * 5000
    tree = read_tree(json.dumps(s("int", 1)).replace("1", digits))
    assert tree["children"] == [digits]
