"""Code is found in replies of every shape, whole, and what is no code is said to be none."""

from __future__ import annotations

import ast
import textwrap
from pathlib import Path

import pytest

from rewardsmith.errors import CandidateError
from rewardsmith.propose.parse import BrokenCode, extract, same_code

REPLIES = sorted((Path(__file__).parent / "replies").glob("c*.md"))

CODE = '''\
"""A reward with all that may stand around it."""
import math

import numpy as np

PARAMS = {
    "w": 1.0,
}
LIMIT = math.pi


def _before(x):
    """Squares; not to be cut."""
    return np.square(x)


def compute_reward(next_state, action, params):
    # a comment
    speed = params["w"] * next_state.x_velocity

    return {"speed": speed, "effort": _after(action), "tilt": -_before(next_state.pitch)}


def _after(action):
    return -np.sum(np.square(action), axis=-1)
'''
DRAFT = "def compute_reward(obs):\n    return {'draft': obs[:, 0]}\n"


def names(code: str) -> set[str]:
    """Functions and constants that stand at the top of the code."""
    body = ast.parse(code).body
    functions = {node.name for node in body if isinstance(node, ast.FunctionDef)}
    assigned = {
        target.id
        for node in body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    return functions | assigned


def last_block(reply: str) -> str:
    return reply.split("```python\n")[-1].split("```")[0]


def without_fences(reply: str) -> str:
    return "\n".join(line for line in reply.split("\n") if not line.startswith("```"))


def test_all_fifteen_replies_are_here() -> None:
    assert len(REPLIES) == 15


@pytest.mark.parametrize("path", REPLIES, ids=lambda path: path.stem)
def test_the_last_block_of_a_reply_is_taken_word_for_word(path: Path) -> None:
    reply = path.read_text(encoding="utf-8")
    code = extract(reply)
    if path.stem == "c4-3":
        assert code == "import numpy as np\n\n\n" + last_block(reply)
    else:
        assert code == last_block(reply)


@pytest.mark.parametrize("path", REPLIES, ids=lambda path: path.stem)
def test_a_reply_that_lost_its_fences_gives_the_same_code(path: Path) -> None:
    reply = path.read_text(encoding="utf-8")
    assert same_code(extract(without_fences(reply)), extract(reply))


def test_the_corrected_block_replaces_the_draft() -> None:
    code = extract((REPLIES[0].parent / "c2-3.md").read_text(encoding="utf-8"))
    assert "torso_pitch" in code
    assert "torso_angle" not in code


WRAPPED = {
    "plain fence": f"Here:\n```\n{CODE}```\nDone.",
    "named fence": f"Here:\n```python\n{CODE}```\nDone.",
    "odd name": f'Here:\n```py title="reward.py"\n{CODE}```\nDone.',
    "tildes": f"Here:\n~~~python\n{CODE}~~~\nDone.",
    "long fence": f"Here:\n`````python\n{CODE}`````\nDone.",
    "never closed": f"Here:\n```python\n{CODE}",
    "never closed, with prose": f"Here:\n```python\n{CODE}\nThat's it, it's done.",
    "in a list": "1. Here:\n" + textwrap.indent(f"```python\n{CODE}```\n", "   ") + "2. Done.",
    "indented in its fence": "```python\n" + textwrap.indent(CODE, "    ") + "```",
    "no fence": f"Here is the reward (for you):\n\n{CODE}\nIt's (nearly) perfect. Don't worry!",
    "no fence, word before": f"Sure\n\n{CODE}\nThanks",
    "nothing around": CODE,
    "indented, no fence": "Here:\n\n" + textwrap.indent(CODE, "    ") + "\nDone.",
    "windows": f"Here:\n```python\n{CODE}```\nDone.".replace("\n", "\r\n"),
    "thought before": f"<think>Say\n```python\n{DRAFT}```\nno.</think>\n```python\n{CODE}```",
    "thought without its tag": f"{DRAFT}\nno.</think>\n\n{CODE}",
    "draft before": f"```python\n{DRAFT}```\nBetter:\n```python\n{CODE}```\nDone.",
    "other block after": f"```python\n{CODE}```\nRun:\n```bash\npip install x\n```\n",
    "example after": f"```python\n{CODE}```\nUse:\n```python\ncompute_reward(s, a, p)\n```\n",
    "broken rewrite after": f"```python\n{CODE}```\nOr:\n```python\n{DRAFT.replace(':', '')}```\n",
    "prose in the fence": f"```python\nHere you are, it's this:\n{CODE}```",
}


@pytest.mark.parametrize("reply", WRAPPED.values(), ids=WRAPPED.keys())
def test_code_is_found_whole_however_it_is_wrapped(reply: str) -> None:
    code = extract(reply)
    assert names(code) == {"PARAMS", "LIMIT", "_before", "compute_reward", "_after"}
    assert same_code(code, CODE)


IMPORTS = "import numpy as np\nfrom math import pi\n"
WEIGHTS = 'PARAMS = {"speed": 1.0}\nLIMIT = 0.5 * pi\n'
HELPER = "def _bounded(x):\n    return np.minimum(x, LIMIT)\n"
ENTRY = """\
def compute_reward(next_state, params):
    return {"speed": params["speed"] * _bounded(next_state.x_velocity)}
"""


def in_blocks(*codes: str) -> str:
    return "\nThen, it's simple:\n".join(f"```python\n{code}```" for code in codes)


@pytest.mark.parametrize(
    ("blocks", "needed"),
    [
        ((IMPORTS + WEIGHTS + HELPER, ENTRY), (0, 1)),
        ((IMPORTS, WEIGHTS, HELPER, ENTRY), (0, 1, 2, 3)),
        ((IMPORTS + HELPER, WEIGHTS, ENTRY), (0, 1, 2)),
        ((IMPORTS + WEIGHTS, "print(1)\n", HELPER, "pip install x\n", ENTRY), (0, 2, 4)),
        ((HELPER, IMPORTS + WEIGHTS + HELPER, ENTRY), (1, 2)),
        ((IMPORTS + WEIGHTS, DRAFT, HELPER, ENTRY), (0, 2, 3)),
    ],
    ids=["two", "four", "another order", "others between", "a helper twice", "a draft between"],
)
def test_a_reward_in_several_blocks_is_joined_from_those_it_needs(
    blocks: tuple[str, ...], needed: tuple[int, ...]
) -> None:
    joined = "\n\n\n".join(blocks[at].strip("\n") for at in needed)
    assert extract(in_blocks(*blocks)) == joined + "\n"


def test_params_that_only_the_argument_names_are_joined_too() -> None:
    entry = "def compute_reward(t, params):\n    return {'t': params['w'] * t}\n"
    code = extract(in_blocks("PARAMS = {'w': 1.0}\n", entry))
    assert names(code) == {"PARAMS", "compute_reward"}
    own = "PARAMS = {'w': 2.0}\n" + entry
    assert extract(in_blocks("PARAMS = {'w': 1.0}\n", own)) == own


def test_a_block_that_the_reward_does_without_stays_out() -> None:
    whole = IMPORTS + WEIGHTS + HELPER + ENTRY
    assert extract(in_blocks(IMPORTS + "LIMIT = 1.0\n", whole)) == whole
    usage = "import numpy as np\nx = np.zeros(3)\n"
    lacking = "def compute_reward(t):\n    return {'t': np.abs(t)}\n"
    assert extract(in_blocks(usage, lacking)) == "import numpy as np\n\n\n" + lacking


def test_of_two_answers_the_last_is_taken_and_nothing_of_the_other() -> None:
    assert extract(in_blocks(HELPER + DRAFT, ENTRY)) == ENTRY


def test_a_fence_inside_a_docstring_does_not_end_the_block() -> None:
    code = (
        'def compute_reward(obs):\n    """Like\n```\nx = 1\n```\n    """\n    return {"a": obs}\n'
    )
    assert extract(f"Here:\n```python\n{code}```\nDone.") == code


def test_quotes_and_markup_in_strings_are_left_alone() -> None:
    code = (
        "NOTE = '''it's \"so\" ``` </b>'''\n\n\ndef compute_reward(obs):\n    return {'a': obs}\n"
    )
    assert extract(f"It's:\n```python\n{code}```\nDon't.") == code


@pytest.mark.parametrize(
    ("code", "first"),
    [
        ("def compute_reward(obs):\n    return {'a': np.abs(obs[:, 0])}\n", "import numpy as np"),
        ("def compute_reward(t):\n    return {'a': t * math.pi}\n", "import math"),
        ('"""Doc."""\ndef compute_reward(t):\n    return {"a": np.abs(t)}\n', '"""Doc."""'),
        (
            "from __future__ import division\ndef compute_reward(t):\n    return np.abs(t)\n",
            "from __future__ import division\nimport numpy as np\n",
        ),
        (
            "import numpy as np\ndef compute_reward(t):\n    return {'a': np.abs(t)}\n",
            "import numpy",
        ),
        ("np = 3\n\n\ndef compute_reward(t):\n    return {'a': t * np}\n", "np = 3"),
        ("from math import pi\ndef compute_reward(t):\n    return {'a': t * pi}\n", "from math"),
    ],
)
def test_a_missing_import_is_supplied_and_no_other(code: str, first: str) -> None:
    found = extract(f"```python\n{code}```")
    assert found.startswith(first)
    assert found.count("import numpy as np") <= 1
    assert ("import numpy as np" in found) == ("np.abs" in code)


@pytest.mark.parametrize(
    ("reply", "cause"),
    [
        ("", "no-code"),
        ("The reward should favour speed.", "no-code"),
        ("```python\ndef reward(obs):\n    return obs\n```", "no-code"),
        ("```python\nclass R:\n    def compute_reward(self):\n        return {}\n```", "no-code"),
        ("```python\ndef compute_reward(obs):\n    pass\n```", "no-code"),
        ("I'm sorry, but I can't help with that.", "refusal"),
        ("Unfortunately I cannot write rewards for weapons.", "refusal"),
        ("x\n" * 5000 + CODE, "no-code"),
    ],
)
def test_what_holds_no_reward_says_so_and_what_to_do(reply: str, cause: str) -> None:
    with pytest.raises(CandidateError) as caught:
        extract(reply)
    assert caught.value.cause == cause
    assert "```python block" in caught.value.for_llm


@pytest.mark.parametrize(
    ("reply", "line"),
    [
        ("```python\ndef compute_reward(obs):\n    a = (1\n    return {'a': a}\n```", 2),
        ("```python\ndef compute_reward(obs):\n    a = 1 +\n    return {'a': a}\n```\nDone.", 2),
        ("Here:\n\ndef compute_reward(obs):\n    a = 1 +\n    return {'a': a}\n", 2),
        ("```python\ndef compute_reward(obs)\n    return {'a': obs}\n```", 1),
    ],
)
def test_a_syntax_error_is_shown_with_its_line_and_its_code(reply: str, line: int) -> None:
    with pytest.raises(BrokenCode, match=f"line {line}: ") as caught:
        extract(reply)
    assert caught.value.cause == "syntax"
    assert caught.value.code.startswith("def compute_reward")


@pytest.mark.parametrize(
    "expression", ["(" * 5000 + ")" * 5000, "-" * 50000 + "1", "'\0'", "'\\d'"],
    ids=["brackets", "signs", "null", "stray backslash"],
)  # fmt: skip
def test_hostile_code_is_text_like_any_other(expression: str) -> None:
    reply = f"```python\ndef compute_reward(obs):\n    return {{'a': {expression}}}\n```"
    try:
        assert "compute_reward" in extract(reply)
    except CandidateError as error:
        assert error.cause == "syntax"


def test_layout_and_comments_do_not_make_code_different() -> None:
    assert same_code(CODE, CODE.replace("    # a comment\n", "").replace("\n\n\n", "\n\n"))
    assert not same_code(CODE, CODE.replace("1.0", "2.0"))
    assert not same_code("def f(:", "def g(:")
