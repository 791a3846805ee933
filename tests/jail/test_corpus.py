"""Hostile, broken and honest rewards, one a file: refused, contained, or accepted.

Each hostile file says in its first line what it would gain. Paths under /canary and the port 54321
stand for a folder and a listener that the tests put in their place.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import contained
import hypothesis.strategies as st
import pytest
from contained import Canary
from hypothesis import given, settings
from jail_rewards import descendants

from rewardsmith import critic, tasks
from rewardsmith.critic import probes
from rewardsmith.records import TaskSpec, Verdict
from rewardsmith.reward import Transitions
from rewardsmith.sim.rollout import random_transitions

CORPUS = Path(__file__).with_name("corpus")
HOSTILE = {f"{p.parent.name}/{p.stem}": p for p in sorted(CORPUS.glob("hostile/*/*.py"))}
HONEST = {p.stem: p for p in sorted(CORPUS.glob("honest/*.py"))}
FAMILIES = sorted({name.partition("/")[0] for name in HOSTILE})
NOBODY = 65534


@pytest.fixture(scope="module")
def task() -> TaskSpec:
    return tasks.resolve("HalfCheetah-v5", "run forward")


@pytest.fixture(scope="module")
def transitions(task: TaskSpec) -> Transitions:
    return random_transitions(task, 201, 0)


@pytest.fixture(scope="module")
def canary(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Canary]:
    with (
        pytest.MonkeyPatch.context() as patch,
        contained.canary(tmp_path_factory.mktemp("canary")) as made,
    ):
        patch.setenv(contained.SECRET_NAME, contained.SECRET)
        yield made


def test_the_corpus_is_as_large_as_it_says() -> None:
    assert len(HOSTILE) >= 150 and len(HONEST) >= 40
    sizes = Counter(name.partition("/")[0] for name in HOSTILE)
    assert len(sizes) == 12 and min(sizes.values()) >= 8
    texts = [path.read_bytes() for path in (*HOSTILE.values(), *HONEST.values())]
    assert len(set(texts)) == len(texts)
    assert all(path.read_bytes().startswith(b"# ") for path in HOSTILE.values())


@pytest.mark.parametrize("name", HONEST)
def test_an_honest_reward_is_accepted(name: str, task: TaskSpec, transitions: Transitions) -> None:
    verdict = critic.check(contained.read(HONEST[name]), task, transitions)
    assert verdict.ok, verdict.errors
    assert verdict.reward is not None and verdict.reward.terms


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_or_broken_reward_is_refused(
    name: str,
    task: TaskSpec,
    transitions: Transitions,
    canary: Canary,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(probes, "CALL_TIMEOUT_S", 2.0)  # many of them take all that they are given
    verdict = critic.check(canary.place(contained.read(HOSTILE[name])), task, transitions)
    assert not verdict.ok and verdict.reward is None
    for finding in verdict.findings:
        assert finding.rule and finding.message
        assert contained.SECRET not in finding.message
    assert canary.touched() == []


@pytest.mark.parametrize("family", FAMILIES)
def test_without_its_text_being_read_it_is_contained(family: str, canary: Canary) -> None:
    before = descendants(os.getpid())
    found = {
        name: what
        for name, path in HOSTILE.items()
        if name.startswith(f"{family}/")
        if (what := contained.reached(contained.read(path), canary))
    }
    assert found == {}
    assert descendants(os.getpid()) == before
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < 3 << 20  # kB


def test_an_ordinary_user_is_as_safe() -> None:
    """The same files by a user without privileges; as such a user, the tests above were that."""
    if os.getuid() != 0:
        pytest.skip("this is an ordinary user already")
    python = _python_for_nobody()
    run = subprocess.run(
        [python, str(Path(contained.__file__)), str(CORPUS / "hostile")],
        user=NOBODY,
        group=NOBODY,
        extra_groups=[],
        env={"PYTHONPATH": _path(), "PATH": os.defpath, "PYTHONDONTWRITEBYTECODE": "1"},
        cwd="/",
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout) == {}


def _python_for_nobody() -> str:
    """A Python of this version that nobody may run, with the packages that this one uses."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    tried = (sys.executable, f"/usr/bin/{version}")
    for python in tried:
        try:
            run = subprocess.run(
                [python, "-c", "import numpy, pydantic, rewardsmith"],
                user=NOBODY,
                group=NOBODY,
                extra_groups=[],
                env={"PYTHONPATH": _path()},
                cwd="/",
                capture_output=True,
            )
        except OSError:
            continue
        if run.returncode == 0:
            return python
    pytest.skip(f"uid {NOBODY} may run none of {', '.join(tried)}, or not read this checkout")


def _path() -> str:
    return os.pathsep.join([str(Path(__file__).parent), *(path for path in sys.path if path)])


# --- fuzzing -------------------------------------------------------------------------------------

SMALL = settings(max_examples=60, deadline=None, derandomize=True)


@st.composite
def broken_files(draw: st.DrawFn) -> str:
    """An honest file with some of its bytes changed, cut out or doubled."""
    data = bytearray(draw(st.sampled_from(list(HONEST.values()))).read_bytes())
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(data) - 1))
        size = draw(st.integers(0, 12))
        twice = bytes(data[at : at + size]) * 2
        data[at : at + size] = draw(st.binary(max_size=6) | st.just(twice))
    return bytes(data).decode("utf-8", "replace")


_numbers = st.sampled_from(["0", "1", "-2", "0.5", "1e308", "2**9", "True", "None", "[]", "'a'"])
_arrays = st.sampled_from(
    ["next_state.x_velocity", "state.torso_pitch", "action", "action[:, 0]", "t", "terms", "np.pi"]
)
_functions = st.sampled_from(
    [
        *("np.abs", "np.sum", "np.exp", "np.sqrt", "np.where", "np.clip", "np.linalg.norm"),
        *("np.stack", "np.full", "np.einsum", "np.cumsum", "np.array", "np.interp", "len", "sum"),
        *("float", "list", "dict", "sorted", "max", "str", "next", "iter", "helper"),
    ]
)
_operators = st.sampled_from(
    ["+", "-", "*", "/", "//", "%", "**", "@", "<", "==", "and", "or", "|", "&"]
)
expressions = st.recursive(
    _numbers | _arrays,
    lambda inner: st.one_of(
        st.builds("({} {} {})".format, inner, _operators, inner),
        st.builds("{}({})".format, _functions, inner),
        st.builds("{}({}, {})".format, _functions, inner, inner),
        st.builds("{}({}, axis={})".format, _functions, inner, _numbers),
        st.builds("({})[{}]".format, inner, inner),
        st.builds("[{} for x in {}]".format, inner, inner),
        st.builds("({} if {} else {})".format, inner, inner, inner),
        st.builds("(lambda x: {})".format, inner),
    ),
    max_leaves=8,
)
_statements = st.one_of(
    st.builds("terms['a'] = {}".format, expressions),
    st.builds("x = {}".format, expressions),
    st.builds("terms['b'] = terms['a'] + {}".format, expressions),
    st.builds("for x in {}:\n        terms['c'] = x".format, expressions),
    st.builds("if {}:\n        terms['d'] = {}".format, expressions, expressions),
    st.builds("assert {}".format, expressions),
    st.builds("return {}".format, expressions),
    st.builds("return {}, terms".format, expressions),
)


_constants = st.recursive(
    st.sampled_from(["0", "-1", "+0.5", "1e999", "9" * 400, "'a'", "'\\ud800'", "None", "x"]),
    lambda inner: st.one_of(
        st.builds("[{}, {}]".format, inner, inner),
        st.builds("{{{}: {}}}".format, inner, inner),
        st.builds("{{{}, {}}}".format, inner, inner),
        st.builds("-{}".format, inner),
        st.builds("iter([{}])".format, inner),
        st.builds("np.array({}, dtype=object)".format, inner),
        st.builds("lambda x={}: x".format, inner),
    ),
    max_leaves=5,
)
_globals = st.one_of(
    st.builds("PARAMS = {}".format, _constants),
    st.builds("PARAMS = {{'a': {}}}".format, _constants),
    st.builds("x: dict = {}".format, _constants),
    st.builds("def helper(x={}):\n    return [x]".format, _constants),
)


@SMALL
@given(st.lists(_globals, max_size=2), st.lists(_statements, min_size=1, max_size=6))
def test_a_program_of_allowed_words_always_ends_in_a_verdict(
    top: list[str], lines: list[str]
) -> None:
    body = "\n    ".join(["terms = {'a': next_state.x_velocity}", *lines, "return terms"])
    heads = "\n".join(["import numpy as np\n\n\ndef helper(x):\n    return np.tanh(x)", *top])
    code = f"{heads}\n\n\ndef compute_reward(state, next_state, action, t, params):\n    {body}\n"
    settled(_judged(code))


@SMALL
@given(broken_files())
def test_a_broken_file_always_ends_in_a_verdict(code: str) -> None:
    settled(_judged(code))


def settled(verdict: Verdict) -> None:
    """A verdict that says what it found."""
    assert verdict.ok is (verdict.reward is not None)
    assert verdict.ok or verdict.errors


_TASK = tasks.resolve("HalfCheetah-v5", "run forward")
_BATCH = random_transitions(_TASK, 41, 1)


def _judged(code: str) -> Verdict:
    return critic.check(code, _TASK, _BATCH)
