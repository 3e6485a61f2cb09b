"""A class URI in /conformance must have a test of this ring behind it."""

from __future__ import annotations

import ast
from pathlib import Path

from starlette.testclient import TestClient


def marked_classes() -> set[str]:
    """Return the class URIs of all ``abstract_test`` marks in this folder, constants resolved."""
    found: set[str] = set()
    for path in Path(__file__).parent.glob("test_*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        constants: dict[str, str] = {}
        for node in [item for item in tree.body if isinstance(item, ast.Assign)]:
            if isinstance(node.targets[0], ast.Name):
                constants[node.targets[0].id] = _text(node.value, constants)
        for function in [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]:
            found |= {_text(mark.args[0], constants) for mark in _marks(function)}
    return found


def _marks(function: ast.FunctionDef) -> list[ast.Call]:
    calls = [item for item in function.decorator_list if isinstance(item, ast.Call)]
    return [call for call in calls if ast.unparse(call.func).endswith("abstract_test")]


def _text(node: ast.expr, constants: dict[str, str]) -> str:
    match node:
        case ast.Constant(value=str(value)):
            return value
        case ast.Name(id=name):
            return constants.get(name, "")
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return _text(left, constants) + _text(right, constants)
    return ""


def test_every_declared_class_has_a_test(server: TestClient) -> None:
    declared = set(server.get("/conformance", params={"f": "json"}).json()["conformsTo"])
    assert declared
    assert declared - marked_classes() == set()
