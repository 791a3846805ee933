"""The names that a reward may use: an allow-list, so that what nobody thought of is refused."""

from __future__ import annotations

import ast


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


TYPING = _words(
    "Any Callable Dict Final FrozenSet Iterable Iterator List Literal Mapping MutableMapping "
    "Optional Sequence Set Tuple Union"
)
"""For type hints, which nothing evaluates."""

NUMPY = _words(
    """
    abs absolute add all allclose amax amin angle any append apply_along_axis arange arccos
    arccosh arcsin arcsinh arctan arctan2 arctanh argmax argmin argpartition argsort argwhere
    around array array_equal array_split asarray ascontiguousarray astype atan2 atleast_1d
    atleast_2d atleast_3d average bincount bitwise_and bitwise_or bitwise_xor block bool bool_
    broadcast_arrays broadcast_shapes broadcast_to cbrt ceil choose clip column_stack compress
    concat concatenate convolve copy copysign cos cosh count_nonzero cov cross cumprod cumsum
    deg2rad degrees delete diag diagonal diff digitize divide divmod dot double dstack e ediff1d
    einsum empty empty_like equal errstate exp exp2 expand_dims expm1 eye fabs finfo fix
    flatnonzero flip fliplr flipud float32 float64 float_power floating floor floor_divide fmax
    fmin fmod full full_like gcd gradient greater greater_equal heaviside histogram hsplit
    hstack hypot identity iinfo indices inf inner insert int16 int32 int64 int8 integer interp
    intp invert isclose isfinite isin isinf isnan isneginf isposinf isreal isscalar ix_ kron lcm
    ldexp less less_equal lexsort linalg linspace log log10 log1p log2 logaddexp logaddexp2
    logical_and logical_not logical_or logical_xor logspace matmul matvec max maximum mean
    median meshgrid min minimum mod modf moveaxis multiply nan nan_to_num nanargmax nanargmin
    nancumsum nanmax nanmean nanmedian nanmin nanstd nansum nanvar ndarray ndim negative newaxis
    nextafter nonzero not_equal number ones ones_like outer pad partition percentile
    permute_dims pi piecewise polyval positive pow power prod ptp put_along_axis quantile
    rad2deg radians ravel real reciprocal remainder repeat reshape result_type rint roll rot90
    round searchsorted select shape sign signbit sin sinc sinh size sort split sqrt square
    squeeze stack std subtract sum swapaxes take take_along_axis tan tanh tensordot tile trace
    transpose trapezoid tri tril tril_indices triu triu_indices true_divide trunc uint8 unique
    unravel_index unwrap vander var vdot vecdot vecmat vectorize vsplit vstack where zeros
    zeros_like
    """
)
LINALG = _words(
    "cross det eigh eigvalsh inv matmul matrix_norm multi_dot norm outer pinv solve trace vecdot "
    "vector_norm LinAlgError"
)
MATH = _words(
    """
    acos acosh asin asinh atan atan2 atanh cbrt ceil copysign cos cosh degrees dist e erf erfc exp
    exp2 expm1 fabs floor fmod fsum gamma hypot inf isclose isfinite isinf isnan lgamma log log10
    log1p log2 nan pi pow prod radians remainder sin sinh sqrt tan tanh tau trunc
    """
)
BY_MODULE = {
    "numpy": NUMPY,
    "numpy.linalg": LINALG,
    "math": MATH,
    "typing": TYPING,
    "collections.abc": _words("Callable Iterable Iterator Mapping MutableMapping Sequence Set"),
    "numpy.typing": _words("ArrayLike DTypeLike NDArray"),
}
IMPORTS = frozenset(BY_MODULE)

ATTRIBUTES = _words(
    """
    T accumulate add all any append argmax argmin argsort astype ceil clip conj copy count
    cumprod cumsum diagonal discard dot dtype endswith eps extend fill flatten floor get index
    insert is_integer isdigit item items join keys lower max mean min nbytes ndim nonzero pop
    prod ptp ravel real reduce remove repeat replace reshape reverse round searchsorted
    setdefault shape size sort split squeeze startswith std strip sum swapaxes take tiny tolist
    trace transpose union update upper values var
    """
)
"""Of arrays, numbers, dicts, lists and strings. Not among them: what reaches files (`tofile`),
memory (`ctypes`, `data`, `base`, `setflags`) or the interpreter (`format` reads attributes)."""

MUTATORS = _words(
    "add append clear discard extend fill insert pop remove reverse setdefault sort update"
)
"""Methods that change the object they belong to."""

NODES: tuple[type[ast.AST], ...] = (
    *(ast.Module, ast.FunctionDef, ast.arguments, ast.arg, ast.Return, ast.Lambda),
    *(ast.Assign, ast.AugAssign, ast.AnnAssign, ast.NamedExpr, ast.Expr, ast.Pass),
    *(ast.For, ast.While, ast.If, ast.Break, ast.Continue, ast.With, ast.withitem),
    *(ast.Raise, ast.Assert, ast.Try, ast.ExceptHandler),
    *(ast.Import, ast.ImportFrom, ast.alias),
    *(ast.BoolOp, ast.BinOp, ast.UnaryOp, ast.Compare, ast.IfExp, ast.Call, ast.keyword),
    *(ast.Dict, ast.Set, ast.List, ast.Tuple, ast.Constant, ast.JoinedStr, ast.FormattedValue),
    *(ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.comprehension),
    *(ast.Attribute, ast.Subscript, ast.Slice, ast.Starred, ast.Name),
    *(ast.boolop, ast.operator, ast.unaryop, ast.cmpop, ast.expr_context),
)
NODE_ADVICE: dict[type[ast.AST], str] = {
    ast.Global: "a reward keeps nothing between calls: pass values as arguments",
    ast.Nonlocal: "a reward keeps nothing between calls: pass values as arguments",
    ast.ClassDef: "use plain functions and dicts",
    ast.AsyncFunctionDef: "a reward waits for nothing: use a plain function",
    ast.Yield: "return a value instead",
    ast.Await: "a reward waits for nothing",
    ast.Delete: "leave the name as it is",
    ast.Match: "use if and elif, or np.where",
}
