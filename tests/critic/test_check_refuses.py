"""Broken and hostile rewards are refused, with a rule, a line and words that a model can act on."""

import pytest
from critic_tasks import CHEETAH, HOPPER, reply_code, transitions

from rewardsmith.critic import check
from rewardsmith.records import Finding, TaskSpec

BATCH = transitions(CHEETAH)
HEAD = "import numpy as np\n\ndef compute_reward(state, action, next_state, params):\n"
END = "    return {'speed': next_state.x_velocity}\n"


def errors(code: str, task: TaskSpec = CHEETAH) -> list[Finding]:
    """The errors that `code` is refused with; it must be refused."""
    verdict = check(code, task, transitions(task) if task is not CHEETAH else BATCH)
    assert not verdict.ok
    assert verdict.reward is None
    found = [finding for finding in verdict.findings if finding.severity == "error"]
    assert found
    return found


def inside(statement: str) -> str:
    """A reward that runs `statement` in line 4, then is honest."""
    indented = "".join(f"    {line}\n" for line in statement.split("\n"))
    return HEAD + indented + END


# Statement, rule, part of the message; all refused by their text, in line 4, without being run.
BY_TEXT = {
    "introspection": {
        "subclasses": ("().__class__.__base__.__subclasses__()", "attribute", "`.__subclasses__`"),
        "class": ("action.__class__", "attribute", "`.__class__`"),
        "globals": ("compute_reward.__globals__", "attribute", "`.__globals__`"),
        "code": ("compute_reward.__code__", "attribute", "`.__code__`"),
        "frames": ("(x for x in []).gi_frame", "attribute", "`.gi_frame`"),
        "traceback": ("x = ValueError().with_traceback", "attribute", "`.with_traceback`"),
        "format": ("'{0.__class__}'.format(action)", "attribute", "`.format`"),
        "format map": ("'{a.b}'.format_map({'a': action})", "attribute", "`.format_map`"),
        "builtins": ("__builtins__['open']", "name", "`__builtins__`"),
        "numpy builtins": ("np.__builtins__['open']", "numpy", "np.__builtins__"),
        "numpy loader": ("np.__loader__", "numpy", "np.__loader__"),
        "getattr": ("getattr(np, 'lo' + 'ad')", "name", "`getattr` is not available"),
        "vars": ("vars(np)", "name", "`vars` is not available"),
        "type": ("type(action)", "name", "`type` is not available"),
        "private": ("next_state._arrays", "variable", "`_arrays`"),
        "module as a value": ("m = np", "name", "use `np.<function>` directly"),
        "match on a class": (
            "match action:\n    case np.ndarray(base=b): pass",
            "construct",
            "match",
        ),
    },
    "code": {
        "eval": ("eval('1')", "name", "`eval` is not available"),
        "exec": ("exec('import os')", "name", "`exec` is not available"),
        "compile": ("compile('1', '', 'eval')", "name", "`compile` is not available"),
        "import function": ("__import__('os')", "name", "`__import__`"),
        "import os": ("import os", "import", "`os` cannot be imported"),
        "import of a part": ("import numpy.ctypeslib", "import", "numpy.ctypeslib"),
        "import from": ("from subprocess import run", "import", "`subprocess`"),
        "import of a door": ("from numpy import load", "numpy", "`np.load` is not available"),
        "import of everything": ("from numpy.random import *", "import", "numpy.random"),
        "relative": ("from . import x", "import", "cannot be imported"),
    },
    "NumPy's doors": {
        "load": ("np.load('/etc/passwd')", "numpy", "`np.load` is not available to rewards"),
        "save": ("np.save('/tmp/x', action)", "numpy", "`np.save`"),
        "savetxt": ("np.savetxt('/tmp/x', action)", "numpy", "`np.savetxt`"),
        "fromfile": ("np.fromfile('/etc/passwd')", "numpy", "`np.fromfile`"),
        "genfromtxt": ("np.genfromtxt('/etc/passwd')", "numpy", "`np.genfromtxt`"),
        "memmap": ("np.memmap('/etc/passwd')", "numpy", "`np.memmap`"),
        "tofile": ("action.tofile('/tmp/x')", "attribute", "`.tofile`"),
        "dump": ("action.dump('/tmp/x')", "attribute", "`.dump`"),
        "ctypeslib": ("np.ctypeslib.load_library('c', '/')", "numpy", "`np.ctypeslib`"),
        "ctypes": ("action.ctypes.data", "attribute", "`.ctypes`"),
        "base": ("action.base", "attribute", "`.base`"),
        "setflags": ("action.setflags(write=True)", "attribute", "`.setflags`"),
        "random": ("np.random.rand()", "numpy", "`np.random`"),
        "testing": ("np.testing.assert_equal(1, 1)", "numpy", "`np.testing`"),
        "lib": ("np.lib.npyio", "numpy", "`np.lib`"),
        "f2py": ("np.f2py.compile('')", "numpy", "`np.f2py`"),
        "frompyfunc": ("np.frompyfunc(len, 1, 1)", "numpy", "`np.frompyfunc`"),
        "unknown": ("np.sigmoid(action)", "numpy", "does not exist in NumPy"),
        "near": ("np.maximun(action, 0)", "numpy", "did you mean `maximum`"),
    },
    "files and console": {
        "open": ("open('/etc/passwd').read()", "name", "`open` is not available"),
        "print": ("print(action)", "name", "`print` is not available to rewards; return"),
        "input": ("input()", "name", "`input` is not available"),
        "breakpoint": ("breakpoint()", "name", "`breakpoint`"),
    },
    "impurity": {
        "global": ("global COUNT", "construct", "keeps nothing between calls"),
        "delete": ("del action", "construct", "`del`"),
        "class": ("class A: pass", "construct", "a class is not allowed"),
        "own attribute": ("compute_reward.count = 1", "attribute", "`.count` cannot be set"),
        "await": ("async def f(): pass", "construct", "plain function"),
        "yield": ("yield 1", "construct", "return a value"),
    },
    "names": {
        "unknown variable": ("next_state.torso_angle", "variable", "no variable `torso_angle`"),
        "near variable": ("next_state.x_velocty", "variable", "did you mean `x_velocity`"),
        "by key": ("next_state['x_velocty']", "variable", "did you mean `x_velocity`"),
        "of the step": ("state.foot_force", "variable", "only `next_state.foot_force` does"),
        "undefined": ("if len(action) > 9999:\n    return spede", "undefined", "`spede`"),
        "params": ("params['w']", "params", "add it to PARAMS"),
        "rebound module": ("np = action", "name", "name of a module"),
        "dunder": ("__x = 1", "name", "two underscores"),
    },
    "constants": {
        "bytes": ("x = b'\\x00'", "constant", "bytes"),
        "a large integer": ("x = 10000000000000000000000", "constant", "2**53"),
    },
}
TEXT_CASES = [(family, name) for family, cases in BY_TEXT.items() for name in cases]


@pytest.mark.parametrize(("family", "name"), TEXT_CASES)
def test_the_text_is_refused(family: str, name: str) -> None:
    statement, rule, text = BY_TEXT[family][name]
    finding = next(f for f in errors(inside(statement)) if f.rule == rule and text in f.message)
    assert finding.line in (4, 5)


@pytest.mark.parametrize("call", ["np.load('x')", "np.save('x', action)", "np.linalg.svd(action)"])
def test_what_exists_and_is_forbidden_is_answered_with_what_may_be_used(call: str) -> None:
    (finding,) = errors(inside(call))
    name = call.partition("(")[0]
    assert finding.message == (
        f"`{name}` is not available to rewards; the arrays you may use are "
        "state, action, next_state, obs, next_obs, prev_action, terminated, t"
    )


@pytest.mark.parametrize(
    ("call", "meant"), [("np.sqr(action)", "sqrt"), ("np.linalg.nrm(action)", "norm")]
)
def test_what_is_misspelt_is_answered_with_what_was_meant(call: str, meant: str) -> None:
    (finding,) = errors(inside(call))
    name = call.partition("(")[0]
    assert finding.message == f"`{name}` does not exist in NumPy; did you mean `{meant}`?"


# Whole files, refused by their text.
WHOLE = {
    "no code": ("", "signature", "found 0"),
    "prose": ("Sure! Here is the reward:", "syntax", "syntax error"),
    "half a file": (HEAD + "    return {'speed': next_state.", "syntax", "syntax error"),
    "nested in a function": (
        "def outer():\n    def compute_reward(action): pass",
        "signature",
        "0",
    ),
    "two of them": (HEAD + END + HEAD.partition("\n\n")[2] + END, "signature", "found 2"),
    "async": ("async def compute_reward(action):\n    return {}", "signature", "found 0"),
    "unknown argument": (
        "def compute_reward(nextstate):\n    return {}",
        "signature",
        "next_state",
    ),
    "star": ("def compute_reward(*args):\n    return {}", "signature", "called by name"),
    "positional": ("def compute_reward(action, /):\n    return {}", "signature", "called by name"),
    "params of arrays": ("PARAMS = {'w': [1, 2]}\n" + HEAD + END, "params", "plain numbers"),
    "computed params": ("PARAMS = dict(w=1)\n" + HEAD + END, "params", "plain numbers"),
    "infinite params": ("PARAMS = {'w': 1e999}\n" + HEAD + END, "params", "plain numbers"),
    "a growing list": ("SEEN = []\n" + inside("SEEN.append(1)"), "state-kept", "`SEEN`"),
    "a changed dict": ("CACHE = {}\n" + inside("CACHE['a'] = 1"), "state-kept", "`CACHE`"),
    "params updated": ("PARAMS = {}\n" + inside("PARAMS.update(params)"), "state-kept", "copy"),
    "zero width": (HEAD + "    x\u200b = 1\n" + END, "bytes", "U+200B"),
    "bidi": (HEAD + "    # \u202e drowssap\n" + END, "bytes", "U+202E"),
    "null": (HEAD + "    x = '\x00'\n" + END, "bytes", "U+0000"),
    "escape": (HEAD + "    x = '\x1b[2J'\n" + END, "bytes", "U+001B"),
    "lone surrogate": (HEAD + "    x = '\udcff'\n" + END, "bytes", "UTF-8"),
    "too many bytes": (HEAD + "#" * 40_000 + "\n" + END, "bytes", "at most 32768"),
    "too many nodes": (HEAD + "    x = [" + "1," * 9_000 + "]\n" + END, "syntax", "too long"),
    "deep minus": (HEAD + "    x = " + "-" * 5_000 + "1\n" + END, "syntax", "deeply"),
    "deep attributes": (HEAD + "    action" + ".T" * 9_000 + "\n" + END, "syntax", "deeply"),
    "a long sum": (HEAD + "    x = " + "1+" * 9_000 + "1\n" + END, "syntax", "deeply"),
    "many digits": (HEAD + "    x = " + "9" * 9_000 + "\n" + END, "syntax", ""),
    "look-alike letters": (HEAD + "    ｅｖａｌ('1')\n" + END, "name", "`eval`"),
    "main guard": (HEAD + END + "if __name__ == '__main__':\n    pass\n", "name", "__name__"),
}


@pytest.mark.parametrize("name", WHOLE)
def test_the_file_is_refused(name: str) -> None:
    code, rule, text = WHOLE[name]
    assert any(f.rule == rule and text in f.message for f in errors(code)), errors(code)


# Statements that the text allows; refused by what they do in the jail.
BY_PROBE = {
    "wrong shape": ("return {'a': np.square(action)}", "shape", "axis=-1"),
    "plain number": ("return {'a': 1.0, 'b': next_state.x_velocity}", "shape", '"a" is one number'),
    "scalar total": ("return np.mean(action), {'a': next_state.x_velocity}", "shape", "the total"),
    "bare array": ("return next_state.x_velocity", "return", "expected a dict"),
    "nothing": ("return None", "return", "NoneType"),
    "bad name": ("return {'a\\nb': next_state.x_velocity}", "return", "no name for a term"),
    "many terms": ("return {f'a{i}': action[:, 0] for i in range(40)}", "return", "got 40"),
    "nan": ("return {'a': np.sqrt(next_state.x_velocity)}", "nonfinite", "is nan on"),
    "huge": ("return {'a': 1e9 * next_state.x_velocity}", "magnitude", "clip it"),
    "error": ("return {'a': action + np.ones(5)}", "exception", "ValueError: operands"),
    "missing column": ("return {'a': action[:, 99]}", "exception", "IndexError"),
    "own exception": ("raise ValueError('no')", "exception", "ValueError: no"),
    "input changed": ("action[:, 0] = 0.0", "exception", "work on a copy"),
    "dynamic name": ("return {'a': next_state['x_' + 'pos']}", "exception", "no variable"),
    "constant": ("return {'a': np.ones(len(action))}", "constant", "nothing can be learnt"),
    "batch mean": ("v = action[:, 0]\nreturn {'a': v - v.mean()}", "row-independence", "row"),
    "batch rank": (
        "return {'a': 1.0 * np.argsort(next_state.x_velocity)}", "row-independence", "axis=-1",
    ),
    "neighbours": ("return {'a': np.cumsum(next_state.x_velocity)}", "row-independence", "row i"),
    "size of the batch": ("v = action[:, 0]\nreturn {'a': v * len(v)}", "row-independence", ""),
    "names by batch": (
        "v = action[:, 0]\nreturn {'a': v} if len(v) > 50 else {'b': v}", "return", "changed",
    ),
    "only one row": (
        "v = next_state.x_velocity\nif len(v) == 1: raise ValueError('one')\nreturn {'a': v}",
        "exception", "ValueError: one",
    ),
    "order of a set": (
        "i = list({'spam', 'eggs', 'ham', 'tea', 'pie'}).index('ham')\n"
        "j = list({'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'}).index('b')\n"
        "return {'a': next_state.x_velocity * (1 + i + 10 * j)}", "determinism", "order of a set",
    ),
    "memory": ("return {'a': np.ones((10**6, 10**6))}", "exception", "MemoryError"),
    "recursion": ("f = lambda g: g(g)\nreturn f(f)", "exception", "RecursionError"),
}  # fmt: skip


@pytest.mark.parametrize("name", BY_PROBE)
def test_the_behaviour_is_refused(name: str) -> None:
    statement, rule, text = BY_PROBE[name]
    assert any(f.rule == rule and text in f.message for f in errors(inside(statement)))


def test_a_fault_names_its_line_once() -> None:
    (told,) = check(inside("return {'a': action + np.ones(5)}"), CHEETAH, BATCH).errors
    assert told.startswith("line 4: ValueError: operands")


def test_state_kept_in_a_default_argument_is_found_before_it_changes_a_value() -> None:
    code = (
        "import numpy as np\n\ndef count(seen=[0]):\n    seen[0] += 1\n    return seen[0]\n\n"
        "def compute_reward(next_state):\n"
        "    return {'a': next_state.x_velocity * (1 if count() < 10**6 else 2)}\n"
    )
    (finding,) = errors(code)
    assert finding.rule == "state-kept"
    assert "`count`, which outlives it" in finding.message


def test_code_that_never_returns_is_refused_in_time() -> None:
    (finding,) = errors(inside("while True: pass"))
    assert finding.rule == "timeout"


def test_all_that_is_wrong_is_said_at_once() -> None:
    found = errors(inside("np.load('x')\nprint(next_state.speeed)"))
    assert {finding.rule for finding in found} == {"numpy", "name", "variable"}
    assert [finding.line for finding in found] == sorted(finding.line or 0 for finding in found)


# --- the replies with a slip ---------------------------------------------------------------------


def test_the_slip_on_axis_0_is_refused_with_what_to_do() -> None:
    (finding,) = errors(reply_code("c1-3"))
    assert finding.rule == "shape"
    assert 'term "torque" has shape (6,), expected (n,)' in finding.message
    assert "axis=-1" in finding.message


def test_the_first_of_two_blocks_has_an_unknown_variable() -> None:
    (finding,) = errors(reply_code("c2-3", block=0), HOPPER)
    assert finding.rule == "variable"
    assert finding.line == 6
    assert "`torso_angle`" in finding.message and "torso_pitch" in finding.message


def test_a_missing_import_is_an_undefined_name() -> None:
    code = reply_code("c4-3").removeprefix("import numpy as np\n\n")
    assert any(f.rule == "undefined" and "`np`" in f.message for f in errors(code, HOPPER))
