"""Frames of Ant filmed a second of one core at 480x360: stepped, drawn and encoded; one JSON line.

Beside it the same without our settings, drawn as MuJoCo would by default (multisampled, shadow maps
of 4096), in the same process by turns.
"""

from __future__ import annotations

import json
import os
import statistics
import tempfile
import time
from fractions import Fraction
from pathlib import Path

import numpy as np

from rewardsmith import filming, policy, tasks
from rewardsmith.movie import Frame, Movie
from rewardsmith.records import TaskSpec
from rewardsmith.render import RenderJob, render
from rewardsmith.sim.gymnasium import GymnasiumSim

_FRAMES, _REPEATS = 100, 3


def standing(task: TaskSpec, path: Path) -> None:
    """Write a policy that always gives the middle of its bounds."""
    header = policy.PolicyHeader(
        env=task.env, head="gaussian", activation="tanh", action=task.action
    )
    inputs, outputs = task.observation.size, task.action.size
    policy.save(
        policy.Policy(
            header=header,
            weights=(np.zeros((outputs, inputs)),),
            biases=(np.zeros(outputs),),
            mean=np.zeros(inputs),
            scale=np.ones(inputs),
            log_std=np.zeros(outputs),
        ),
        path,
    )


def ours(task: TaskSpec, folder: Path, gl: str) -> float:
    """Frames a second of processor time of a whole video."""
    job = RenderJob(
        task=task,
        policy=str(folder / "policy.safetensors"),
        shows="best",
        seed=0,
        output=str(folder / "best.mp4"),
        seconds=_FRAMES * (task.dt_s or 1.0),
        gl=gl,
    )
    begun = time.process_time()
    return render(job).frames / (time.process_time() - begun)


def by_default(task: TaskSpec, folder: Path) -> float:
    """The same with the quality that the model's file asks for."""
    import mujoco

    sim = GymnasiumSim(task, 1)
    sim.reset([0])
    env = sim.envs[0].unwrapped
    begun = time.process_time()
    camera = mujoco.Renderer(env.model, 360, 480)
    with Movie(folder / "default.mp4", Fraction(20)) as movie:
        for _ in range(_FRAMES):
            sim.step(np.zeros((1, task.action.size)))
            camera.update_scene(env.data, camera="track")
            frame: Frame = camera.render()
            movie.add(frame)
    camera.close()
    sim.close()
    return _FRAMES / (time.process_time() - begun)


def main() -> None:
    """Measure and print."""
    gl = filming.graphics()
    os.environ |= {"MUJOCO_GL": gl, "LP_NUM_THREADS": "1"}
    task = tasks.resolve("Ant-v5", "run forward")
    speeds: dict[str, list[float]] = {"ours": [], "default": []}
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        standing(task, folder / "policy.safetensors")
        for _ in range(_REPEATS):
            speeds["ours"].append(ours(task, folder, gl))
            speeds["default"].append(by_default(task, folder))
    medians = {name: round(statistics.median(values), 1) for name, values in speeds.items()}
    print(json.dumps({
        "env": task.env, "size": "480x360", "gl": gl, "cores": os.cpu_count(),
        "frames_per_core_s": medians["ours"], "frames_per_core_s_default": medians["default"],
        "over_default": round(medians["ours"] / medians["default"], 1),
    }))  # fmt: skip


if __name__ == "__main__":
    main()
