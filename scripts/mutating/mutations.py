"""Make mutants of a module: copies of its syntax tree that differ in one place."""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Mutant", "mutants_of"]

Change: TypeAlias = Callable[[], None]

OTHERS: dict[type[ast.AST], tuple[type[ast.AST], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
    ast.Add: (ast.Sub,),
    ast.Sub: (ast.Add,),
    ast.Mult: (ast.Div,),
    ast.Div: (ast.Mult,),
    ast.Mod: (ast.Mult,),
    ast.And: (ast.Or,),
    ast.Or: (ast.And,),
    ast.BitOr: (ast.BitAnd,),
    ast.BitAnd: (ast.BitOr,),
}
OTHER_CALLS = {"min": "max", "max": "min", "any": "all", "all": "any"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """A module that differs in one place."""

    module: str
    line: int
    """In the source, of what was changed."""
    change: str
    """What was there, and what is there now."""
    tree: ast.Module


def mutants_of(module: str, source: str) -> Iterator[Mutant]:
    """Yield all mutants of a module, in the order of its lines.

    Words for people, types and the options of decorators are left alone: no test shall hold those.
    """
    tree = ast.parse(source)
    places = list(expressions(tree))
    for place, node in enumerate(places):
        for number, (change, _) in enumerate(changes(node)):
            other = copy.deepcopy(tree)
            twin = list(expressions(other))[place]
            list(changes(twin))[number][1]()
            ast.fix_missing_locations(other)
            yield Mutant(module=module, line=node.lineno, change=change, tree=other)


def expressions(tree: ast.AST) -> Iterator[ast.expr | ast.stmt]:
    """Yield what of a tree does something when it runs."""
    for child in children(tree):
        if is_for_types(child):
            continue
        if isinstance(child, ast.expr | ast.stmt):
            yield child
        yield from expressions(child)


def children(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes directly below one, without types, decorators and what only types need."""
    left_out: set[str] = {"annotation", "returns", "decorator_list", "type_params"}
    if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
        return
    for name, value in ast.iter_fields(node):
        if name in left_out:
            continue
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, ast.AST):
                yield each


def changes(node: ast.AST) -> Iterator[tuple[str, Change]]:
    """Yield each way to change a node: in words, and as a call that does it."""
    before = ast.unparse(node)[:60].replace("\n", " ")
    for kind in (operators, values, steps):
        for field, value, shown in kind(node):
            yield f"{before}  ->  {shown}", partial(setattr, node, field, value)


def operators(node: ast.AST) -> Iterator[tuple[str, object, str]]:
    """Yield what a comparison, a sum or a condition may be instead: field, value, words."""
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        for other in OTHERS.get(type(node.ops[0]), ()):
            yield "ops", [other()], other.__name__
    elif isinstance(node, ast.BinOp | ast.BoolOp | ast.AugAssign):
        for other in OTHERS.get(type(node.op), ()):
            yield "op", other(), other.__name__
    elif isinstance(node, ast.If | ast.IfExp | ast.While):
        yield "test", ast.UnaryOp(ast.Not(), node.test), "not"


def values(node: ast.AST) -> Iterator[tuple[str, object, str]]:
    """Yield what a number or a choice may be instead."""
    if isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield "value", not node.value, str(not node.value)
    elif isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        yield "value", node.value + 1, str(node.value + 1)
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        other = OTHER_CALLS.get(node.func.id)
        yield from [("func", ast.Name(other, ast.Load()), other)] if other else ()


def steps(node: ast.AST) -> Iterator[tuple[str, object, str]]:
    """Yield how a statement may do nothing."""
    if isinstance(node, ast.Return) and not is_none(node.value):
        yield "value", ast.Constant(None), "return None"
    elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        yield "value", ast.Constant(None), "(left out)"
    elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Attribute):
        target = node.targets[0]
        kept = ast.Attribute(target.value, target.attr, ast.Load())
        yield "value", kept, "(left out)"


def is_for_types(node: ast.AST) -> bool:
    """Tell whether a node is only there for type checkers."""
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def is_none(value: ast.expr | None) -> bool:
    """Tell whether a function returns nothing."""
    return value is None or (isinstance(value, ast.Constant) and value.value is None)
