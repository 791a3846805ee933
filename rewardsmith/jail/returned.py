"""What a reward may return: terms, or a total and terms, one real number per row.

Standard library and NumPy only: the jailed child loads this file by path.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

SHAPE, RETURN = "shape", "return"


class Refusal(Exception):
    """What compute_reward returned does not fit the contract; `kind` is SHAPE or RETURN."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


def split(result: object) -> tuple[object, dict[str, object]]:
    """The total, None where there is none, and the terms. Raises Refusal on anything else."""
    total: object = None
    terms = result
    if type(result) is tuple and len(result) == 2:
        total, terms = result
    if type(terms) is not dict or (terms is not result and total is None):
        kind = type(result).__name__
        raise Refusal(
            RETURN,
            f"compute_reward returned {kind}, expected a dict of terms "
            '{"name": array of shape (n,)} or (total, terms)',
        )
    return total, terms


def checked(name: str, value: object, rows: int) -> NDArray[Any]:
    """`value` where it is an array (rows,) of real numbers. Raises Refusal, with advice, if not."""
    if type(value) is np.ndarray and value.shape == (rows,) and value.dtype.kind in "fiub":
        return value
    label = name if name == "the total" else f'term "{name}"'
    if isinstance(value, bool | int | float | np.number | np.bool_):
        raise Refusal(
            SHAPE,
            f"{label} is one number for the whole batch, expected one value per row, "
            "shape (n,): for a constant use np.full(n, value) with n = len(action)",
        )
    if type(value) is not np.ndarray:
        kind = type(value).__name__
        raise Refusal(RETURN, f"{label} is {kind}, expected a NumPy array (n,)")
    if value.shape != (rows,):
        raise Refusal(SHAPE, f"{label} {_shape_advice(value.shape, rows)}")
    raise Refusal(RETURN, f"{label} has dtype {value.dtype}, expected real numbers")


def _shape_advice(shape: tuple[int, ...], rows: int) -> str:
    found = f"has shape {shape}, expected (n,) = ({rows},): "
    if shape == (rows, 1):
        return found + "take the one column with [:, 0]"
    if shape[:1] == (rows,):
        return found + "reduce the features of each row, for example with np.sum(..., axis=-1)"
    if len(shape) == 0:
        return found + "it was reduced over the whole batch; use axis=-1, or keep one value per row"
    return found + "axis 0 is the batch; sum over the features with axis=-1 instead"


def shown(name: object) -> str:
    """`name` in a few printable words, whatever it is."""
    try:
        return f"{name!r:.80}"
    except Exception:  # noqa: BLE001  the candidate's own object, nested without end
        return f"a {type(name).__name__} that cannot be printed"
