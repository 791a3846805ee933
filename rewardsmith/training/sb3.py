"""The stable-baselines3 backend: one training of one reward, PPO or SAC."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch

from rewardsmith import policy
from rewardsmith.errors import CandidateError
from rewardsmith.jail.service import Rewards, RewardWorker, cpu_limit_s
from rewardsmith.records import Training
from rewardsmith.training import Done, PpoSettings, Progress, Report, TrainJob, failed, settings
from rewardsmith.training.account import Account
from rewardsmith.training.sb3_common import RewardSource
from rewardsmith.training.sb3_ppo import Ppo
from rewardsmith.training.sb3_sac import run_sac
from rewardsmith.training.worlds import Worlds


def train(jobs: Sequence[TrainJob], report: Report, done: Done) -> None:
    """Train one job after the other; see `Trainer`."""
    for job in jobs:
        done(job, _train_one(job, functools.partial(report, job)))


def _train_one(job: TrainJob, report: Callable[[Progress], None]) -> Training:
    torch.set_num_threads(1)
    # What is not finite ends the training by `require_finite`, not by an error of torch's.
    torch.distributions.Distribution.set_default_validate_args(False)
    chosen = settings(job.algo, job.task.hyperparams.get(job.algo, {}), job.hyperparams)
    columns = job.reward.columns if job.reward else ()
    streams = [np.random.default_rng([job.seed, world]) for world in range(job.n_envs)]
    worlds = Worlds(job.task, streams, columns, job.pays)
    account = Account(job, report)
    capacity = job.n_envs * (chosen.n_steps if isinstance(chosen, PpoSettings) else 1)
    try:
        with _reward_source(job, capacity) as rewards:
            if isinstance(chosen, PpoSettings):
                best, last = Ppo(job, chosen, worlds, rewards, account).run()
            else:
                best, last = run_sac(job, chosen, worlds, rewards, account)
    except CandidateError as fault:
        return failed(job, fault, account.timesteps, account.wall_s())
    finally:
        worlds.sim.close()
    account.tell(last=True)
    folder = Path(job.folder)
    policy.save(best, folder / "policy.safetensors")
    policy.save(last, folder / "last.safetensors")
    return account.training()


@contextlib.contextmanager
def _reward_source(job: TrainJob, capacity: int) -> Iterator[RewardSource]:
    if job.reward is None:
        yield lambda batch, native: Rewards(native, {job.pays: native}, has_total=True)
        return
    limit_s = cpu_limit_s(job.timesteps)
    with RewardWorker(
        job.reward, capacity=capacity, cpu_limit_s=limit_s, unsafe=job.unsafe
    ) as worker:
        yield lambda batch, native: worker.compute(batch)
