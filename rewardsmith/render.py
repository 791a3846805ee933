"""Films one episode as an H.264 mp4 with a poster, without a screen.

Runs in processes of its own (`python -m rewardsmith.render`, see children.py), so that a driver
that crashes or hangs takes nothing along. MuJoCo is drawn by its own renderer, with small shadow
maps and no multisampling: in software that is four times as fast as its defaults. Every other
environment draws itself (`render_mode="rgb_array"`).
"""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np

from rewardsmith import children, policy, rollouts
from rewardsmith.errors import UserError
from rewardsmith.evaluate import Act, EpisodeRecorder, fitness_variables
from rewardsmith.files import write_bytes, write_record
from rewardsmith.movie import Frame, Movie, jpeg
from rewardsmith.records import Record, TaskSpec, Video
from rewardsmith.sim.gymnasium import GymnasiumSim

DEBIAN_PACKAGES = "libegl1 libgl1-mesa-dri libosmesa6"
"""What MuJoCo draws with where there is no card."""
NO_GRAPHICS = f"no off-screen graphics for MuJoCo: apt-get install {DEBIAN_PACKAGES}"
_SHADOW_SIZE = 512
_FRAMES_PER_S = 30
"""At most; an environment that steps faster is shown every few steps."""
_HELD_S = 0.5
"""How long the last frame stays: an episode that ends at once can be seen to end."""


class RenderJob(Record):
    """One video to make: `output` with its poster and its `Video` record beside it."""

    task: TaskSpec
    policy: str = ""
    """The file of the policy that acts; or, where it is "", what was done in a stored episode."""
    rollouts: str = ""
    """The file that holds the stored episode."""
    behaviour: str = ""
    """Whose the stored episode is."""
    shows: Literal["best", "last", "clip"]
    seed: int
    """Of the episode."""
    output: str
    """Ends in .mp4; .jpg is the poster, .json the record, which is written last."""
    seconds: float = 8.0
    """Of the environment's time, at most."""
    width: int = 480
    height: int = 360
    """For MuJoCo; the others choose their own size."""
    gl: str = ""
    """MUJOCO_GL of this job: egl or osmesa; "" where MuJoCo cannot draw here."""


class Camera(Protocol):
    """Looks at an environment."""

    def frame(self) -> Frame:
        """What it looks like now."""

    def close(self) -> None:
        """Let go of the graphics."""


class MujocoCamera:
    """The environment's own view of a MuJoCo model, drawn off screen."""

    def __init__(self, env: Any, width: int, height: int) -> None:
        import mujoco

        model, self._data = env.unwrapped.model, env.unwrapped.data
        model.vis.quality.offsamples = 0
        model.vis.quality.shadowsize = _SHADOW_SIZE
        model.vis.global_.offwidth = max(width, model.vis.global_.offwidth)
        model.vis.global_.offheight = max(height, model.vis.global_.offheight)
        self._camera = mujoco.MjvCamera()
        mujoco.mjv_defaultFreeCamera(model, self._camera)
        tracking = mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_CAMERA, "track")
        if tracking >= 0:
            self._camera.type = mujoco.mjtCamera.mjCAMERA_FIXED
            self._camera.fixedcamid = tracking
        else:
            for name, value in _own_view(env).items():
                _set(self._camera, name, value)
        self._renderer = mujoco.Renderer(model, height, width)

    def frame(self) -> Frame:
        """See Camera."""
        self._renderer.update_scene(self._data, camera=self._camera)
        return np.asarray(self._renderer.render(), np.uint8)

    def close(self) -> None:
        """See Camera."""
        self._renderer.close()


class OwnCamera:
    """An environment that draws itself."""

    def __init__(self, env: Any) -> None:
        self._env = env

    def frame(self) -> Frame:
        """See Camera. Raises UserError where the environment draws nothing."""
        drawn = self._env.render()
        if not isinstance(drawn, np.ndarray) or drawn.ndim != 3:
            raise UserError(f"the environment drew {type(drawn).__name__}, no picture")
        return np.asarray(drawn[..., :3], np.uint8)

    def close(self) -> None:
        """Nothing is held."""


def render(job: RenderJob) -> Video:
    """Make the video and its poster. Raises UserError where the environment cannot be drawn."""
    act = _actor(job)
    output = Path(job.output)
    aside = output.with_name(f".{output.name}.{os.getpid()}.tmp")
    sim, camera = _scene(job)
    every, rate = pace(job.task.dt_s or _own_pace(sim.envs[0]))
    try:
        recorder = EpisodeRecorder(job.task, sim)
        with Movie(aside, rate) as movie:
            poster = frame = camera.frame()
            movie.add(frame)
            steps, ended, terminated = 0, False, False
            while not ended and movie.frames < job.seconds * rate:
                step = sim.step(act(sim))
                steps += 1
                ended = bool(recorder.add(step))
                terminated = bool(step.transitions.terminated[0])
                if ended or steps % every == 0:
                    frame = camera.frame()
                    movie.add(frame)
                    poster = frame if movie.frames <= rate + 1 else poster
            for _ in range(int(_HELD_S * rate)):
                movie.add(frame)
        fitness = recorder.score(0, terminated)[0]
    finally:
        camera.close()
        sim.close()
    write_bytes(output.with_suffix(".jpg"), jpeg(poster))
    aside.replace(output)
    return Video(
        shows=job.shows,
        seed=job.seed,
        fitness=fitness,
        steps=steps,
        whole=ended,
        terminated=terminated,
        frames=movie.frames,
        frames_per_s=float(rate),
        width=movie.size[0],
        height=movie.size[1],
    )


def _actor(job: RenderJob) -> Act:
    """Who acts: a policy, or what was done before in the same episode. Raises UserError."""
    if job.policy:
        trained = policy.load(Path(job.policy))
        return lambda sim: trained.act(sim.obs)
    for rollout in rollouts.load(Path(job.rollouts)):
        if (rollout.behaviour, rollout.seed) == (job.behaviour, job.seed):
            action = rollout.transitions.action
            return lambda sim: action[[min(int(sim.t[0]), len(action) - 1)]]
    raise UserError(f"{job.rollouts} holds no episode {job.seed} of {job.behaviour}")


def pace(dt_s: float | None) -> tuple[int, Fraction]:
    """Steps between two frames, and frames a second, so that the film runs in true time.

    Where the environment has no time, a frame is a step.
    """
    if dt_s is None:
        return 1, Fraction(_FRAMES_PER_S)
    every = max(1, round(1 / (_FRAMES_PER_S * dt_s)))
    return every, Fraction(1 / (dt_s * every)).limit_denominator(1000)


def _own_pace(env: Any) -> float | None:
    """Seconds of a step as the environment would show it, where it has no time of its own."""
    frames_per_s = (env.metadata or {}).get("render_fps")
    return 1 / frames_per_s if frames_per_s else None


def _scene(job: RenderJob) -> tuple[GymnasiumSim, Camera]:
    """A world at the beginning of the episode, and what looks at it."""
    read = fitness_variables(job.task)
    sim = GymnasiumSim(job.task, 1, read)
    model = getattr(sim.envs[0].unwrapped, "model", None)
    draws_itself = not type(model).__module__.startswith("mujoco")
    if draws_itself:
        sim.close()
        kwargs = {**job.task.env_kwargs, "render_mode": "rgb_array"}
        sim = GymnasiumSim(job.task.model_copy(update={"env_kwargs": kwargs}), 1, read)
    elif not job.gl:
        raise UserError(NO_GRAPHICS)
    sim.reset([job.seed])
    env = sim.envs[0]
    return sim, OwnCamera(env) if draws_itself else MujocoCamera(env, job.width, job.height)


def _own_view(env: Any) -> dict[str, Any]:
    """Where Gymnasium's environment would put its camera."""
    renderer = getattr(env.unwrapped, "mujoco_renderer", None)
    return dict(getattr(renderer, "default_cam_config", None) or {})


def _set(camera: Any, name: str, value: Any) -> None:
    if isinstance(value, np.ndarray):
        getattr(camera, name)[:] = value
    else:
        setattr(camera, name, value)


def run(path: Path) -> None:
    """Do the RenderJob that stands at `path` as JSON."""
    job = RenderJob.model_validate_json(path.read_text("utf-8"))
    os.environ["LP_NUM_THREADS"] = "1"  # Mesa's software renderer: one core a process
    os.environ["SDL_VIDEODRIVER"] = "dummy"
    if job.gl:
        os.environ["MUJOCO_GL"] = job.gl  # read when mujoco is imported
    write_record(Path(job.output).with_suffix(".json"), render(job))


if __name__ == "__main__":
    children.serve(run)
