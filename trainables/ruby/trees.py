"""Syntax trees of Ruby methods as the `parser` gem gives them, read, checked and measured.

A node is {"type": name, "children": [...]} whose children are nodes or literals: strings, numbers,
true, false and null. This is how timlawrenz/jubilant-palm-tree, 03_process_methods.rb@9ddf176,
writes `ast_json`. Trees may be deeper than Python's stack, so nothing here recurses.
"""

import json
import re
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, NoReturn

Node = dict[str, Any]
DIGITS = 4000  # of a whole number; a longer one is kept as its text
TOKEN = re.compile(
    r'[ \t\r\n]*(?:([{}\[\],:])|("(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?'
    r"|true|false|null))",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Shape:
    """What is known of a tree as a whole."""

    nodes: int  # literals included
    literals: int
    depth: int  # levels, literals included; a lone node has 1
    sha256: str  # of types, literals and order


def read_tree(ast_json: str) -> Node:
    """The tree that a string of JSON holds; its nodes are checked by `measure`.

    Raises:
        ValueError: it is no JSON, or its root is no node; the reason in a few words.
    """
    try:
        tree = json.loads(ast_json, parse_int=_whole, parse_constant=_no_number)
    except RecursionError:
        tree = _read_deep(ast_json)
    except json.JSONDecodeError as error:
        raise ValueError("ast_json is no JSON") from error
    if not isinstance(tree, dict):
        raise ValueError(f"ast_json is {_named(tree)}, not a node")
    return tree


def measure(tree: Node) -> Shape:
    """Counts and a hash of a tree, once each of its nodes is known to be one.

    Raises:
        ValueError: a node lacks its type or children, or a child is a list.
    """
    nodes = literals = deepest = 0
    content: list[str] = []
    stack: list[tuple[Any, int]] = [(tree, 1)]
    while stack:
        item, depth = stack.pop()
        nodes, deepest = nodes + 1, max(deepest, depth)
        if isinstance(item, dict):
            kind, children = _parts(item)
            content.append(f"({kind} {len(children)}")
            stack += [(child, depth + 1) for child in reversed(children)]
        elif isinstance(item, list):
            raise ValueError("a list stands where a node must")
        else:
            literals += 1
            content.append(json.dumps(item))
    return Shape(nodes, literals, deepest, sha256("\n".join(content).encode()).hexdigest())


def _parts(node: Node) -> tuple[str, list[Any]]:
    kind, children = node.get("type"), node.get("children")
    if not isinstance(kind, str):
        raise ValueError("a node has no type")
    if not isinstance(children, list):
        raise ValueError("a node has no children")
    return kind, children


def _read_deep(text: str) -> Any:
    """JSON of any depth, a token at a time and as strictly as the standard reader."""
    found: list[Any] = []
    opened: list[Any] = [found]  # containers that are not closed yet
    key, awaited, place = "", "value", 0
    while len(opened) > 1 or not found:
        token = TOKEN.match(text, place)
        if not token:
            break
        place = token.end()
        mark, scalar = token.groups()
        here = opened[-1]
        keyed = isinstance(here, dict)
        if "value" in awaited and (scalar or mark in "{["):
            value: Any = _scalar(scalar) if scalar else {} if mark == "{" else []
            if keyed:
                here[key] = value
            else:
                here.append(value)
            awaited = "next"
            if not scalar:
                opened.append(value)
                awaited = "key or end" if mark == "{" else "value or end"
        elif "key" in awaited and scalar and scalar[0] == '"':
            key, awaited = _scalar(scalar), "colon"
        elif awaited == "colon" and mark == ":":
            awaited = "value"
        elif awaited == "next" and mark == ",":
            awaited = "key" if keyed else "value"
        elif (awaited == "next" or "end" in awaited) and mark == ("}" if keyed else "]"):
            opened.pop()
            awaited = "next"
        else:
            break
    if len(opened) > 1 or not found or text[place:].strip(" \t\r\n"):
        raise ValueError("ast_json is no JSON")
    return found[0]


def _scalar(text: str) -> Any:
    try:
        return json.loads(text, parse_int=_whole)
    except json.JSONDecodeError as error:
        raise ValueError("ast_json is no JSON") from error


def _whole(digits: str) -> int | str:
    return int(digits) if len(digits) <= DIGITS else digits


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"ast_json holds {name}, which is no JSON")


def _named(value: Any) -> str:
    names = {list: "a list", str: "a string", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")
