"""Helpers that a reward may call without defining them; their source is put into its code.

They are the Delta and Clip of arXiv 2410.15115: what they wrap cannot be farmed by waiting for it
or by going round in circles. A reward that calls one gets its definition below its own code, so
that no line moves, nothing of ours is imported, and the file runs wherever NumPy is.
"""

from __future__ import annotations

import ast
import inspect
from typing import Any

from rewardsmith.names import bound, loaded


def difference(next_value: Any, value: Any, gamma: float = 1.0) -> Any:
    """What a quantity gained by the step: over an episode, its last value minus its first.

    Waiting and going round in circles add up to nothing. With the discount of the training as
    `gamma` it is potential-based shaping (Ng, Harada and Russell, 1999).
    """
    return gamma * next_value - value


def bounded(term: Any, budget: float, steps: float) -> Any:
    """The term, clipped so that `steps` steps of it pay at most `budget`, and cost at most it."""
    return term.clip(-budget / steps, budget / steps)


_HELPERS = {helper.__name__: helper for helper in (difference, bounded)}
_REMARK = "# A helper of rewardsmith that the code above calls."


def names() -> tuple[str, ...]:
    """What may be called without a definition."""
    return tuple(_HELPERS)


def complete(code: str, tree: ast.Module) -> str:
    """The code with the helpers that it names and does not bind itself.

    Args:
        tree: of the code.
    """
    lacking = loaded(tree) - bound(tree)
    wanted = [name for name in _HELPERS if name in lacking]
    added = "".join(f"\n\n{_REMARK}\n{_definition(name)}\n" for name in wanted)
    return code.rstrip("\n") + "\n" + added if added else code


def _definition(name: str) -> str:
    """A helper's source without type hints, which would have to be imported."""
    tree = ast.parse(inspect.getsource(_HELPERS[name]))
    for node in ast.walk(tree):
        if isinstance(node, ast.arg):
            node.annotation = None
        elif isinstance(node, ast.FunctionDef):
            node.returns = None
    return ast.unparse(tree)
