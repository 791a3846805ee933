"""Small rewards and batches for the tests of the jail, and what tells whether a child is left."""

from pathlib import Path

import numpy as np

from rewardsmith.jail.service import RewardWorker
from rewardsmith.records import CheckedReward, Column
from rewardsmith.reward import Transitions

COLUMNS = (
    Column(argument="state", name="x"),
    Column(argument="next_state", name="x"),
    Column(argument="action", shape=(2,)),
    Column(argument="terminated", dtype="bool"),
    Column(argument="t", dtype="int64"),
)
ARGUMENTS = ("state", "action", "next_state", "params", "terminated", "t")
HONEST = """
import numpy as np

def compute_reward(state, action, next_state, params, terminated, t):
    return {
        "speed": params["speed"] * (next_state.x - state["x"]),
        "effort": -np.sum(np.square(action), axis=-1),
        "fall": np.where(terminated, -1, 0) * t,
    }
"""


def transitions(rows: int) -> Transitions:
    """Random rows; the same ones for the same count."""
    rng = np.random.default_rng(rows)
    x = rng.normal(size=rows)
    return Transitions(
        state={"x": x},
        next_state={"x": x + rng.normal(size=rows)},
        obs=x[:, None],
        next_obs=x[:, None],
        action=rng.normal(size=(rows, 2)),
        prev_action=np.zeros((rows, 2)),
        terminated=rng.random(rows) < 0.5,
        t=np.arange(rows),
    )


def reward(code: str, terms: tuple[str, ...] = ()) -> CheckedReward:
    """`code` as if the critic had let it pass."""
    return CheckedReward(
        code=code, arguments=ARGUMENTS, columns=COLUMNS, terms=terms, params={"speed": 2.0}
    )


def worker(code: str, **options: object) -> RewardWorker:
    """A worker for `code`, the syntax tree not looked at."""
    return RewardWorker(reward(code), **{"capacity": 64, **options})


def body(statements: str) -> str:
    """A reward whose compute_reward runs `statements` and then returns zeros."""
    indented = "\n".join("    " + line for line in statements.strip().splitlines())
    return (
        "import numpy as np\n\n"
        "def compute_reward(state, action, next_state, params, terminated, t):\n"
        f"{indented}\n"
        '    return {"zero": np.zeros(len(t))}\n'
    )


def descendants(pid: int) -> set[int]:
    """Process ids of all that descends from `pid`, zombies among them.

    The zygotes belong to them: a test that compares has to have started them before.
    """
    found: set[int] = set()
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            found |= {int(child), *descendants(int(child))}
    return found


def runs(pid: int) -> bool:
    """Whether `pid` is there and not a zombie."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"
