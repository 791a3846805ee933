"""Tasks and recorded transitions made by hand, as a random policy might leave them."""

import re
from pathlib import Path

import numpy as np

from rewardsmith.records import Fitness, Space, TaskSpec, Variable
from rewardsmith.reward import Transitions

_REPLIES = Path(__file__).parents[1] / "replies"
_BLOCK = re.compile(r"```python\n(.*?)```", re.DOTALL)

_RANGES: dict[str, tuple[float, float]] = {
    "z_position": (-0.1, 0.1),
    "torso_height": (1.0, 1.3),
    "torso_pitch": (-0.21, 0.21),
    "x_velocity": (-0.2, 1.0),
    "foot_force": (0.0, 50.0),
}


def _task(env: str, scalars: str, joints: int, action: int) -> TaskSpec:
    variables = [Variable(name=n, kind="state", source="obs[0]") for n in scalars.split()]
    if joints:
        variables += [
            Variable(name=name, kind="state", source="qpos[3:]", shape=(joints,))
            for name in ("joint_angles", "joint_velocities")
        ]
        variables.append(Variable(name="foot_force", kind="transition", source="info:force"))
    return TaskSpec(
        env=env,
        sentence="move",
        fitness=Fitness(name="native", expression="native_return"),
        variables=tuple(variables),
        observation=Space(kind="box", size=2 + 2 * joints),
        action=Space(kind="box", size=action),
    )


_BODY = "x_position {height} torso_pitch x_velocity z_velocity pitch_rate"
CHEETAH = _task("HalfCheetah-v5", _BODY.format(height="z_position"), 6, 6)
HOPPER = _task("Hopper-v5", _BODY.format(height="torso_height"), 3, 3)
WALKER = _task("Walker2d-v5", _BODY.format(height="torso_height"), 6, 6)
PENDULUM = _task("Pendulum-v1", "angle angular_velocity", 0, 1)
BY_REPLY = {"c1": CHEETAH, "c2": HOPPER, "c3": PENDULUM, "c4": WALKER, "c5": HOPPER}


def reply_code(name: str, block: int = -1) -> str:
    """The code of a reply as extraction gives it: one block, its import supplied."""
    code = _BLOCK.findall((_REPLIES / f"{name}.md").read_text(encoding="utf-8"))[block]
    return code if "import numpy" in code else "import numpy as np\n\n" + code


def transitions(task: TaskSpec, rows: int = 240) -> Transitions:
    """Rows whose variables all vary, in ranges that look like the task's."""
    rng = np.random.default_rng(7)

    def draw(variable: Variable) -> np.ndarray:
        low, high = _RANGES.get(variable.name, (-1.0, 1.0))
        return rng.uniform(low, high, size=(rows, *variable.shape))

    width = task.observation.size
    return Transitions(
        state={v.name: draw(v) for v in task.variables if v.kind == "state"},
        next_state={v.name: draw(v) for v in task.variables},
        obs=rng.normal(size=(rows, width)),
        next_obs=rng.normal(size=(rows, width)),
        action=rng.uniform(-1, 1, size=(rows, task.action.size)),
        prev_action=rng.uniform(-1, 1, size=(rows, task.action.size)),
        terminated=rng.random(rows) < 0.1,
        t=np.arange(rows) % 60,
    )
