"""What stands beside a search: as many policies, the same steps, and seeds that chose nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from scripted_engine import TASK, ScriptedEngine, candidate, episodes

from rewardsmith import start, tasks
from rewardsmith.arms import measure_arms, planned, searches
from rewardsmith.config import LimitConfig, RunConfig
from rewardsmith.control import Control
from rewardsmith.engine import Evaluated
from rewardsmith.errors import LimitReached, UserError
from rewardsmith.llm.chat import ChatReply, ChatRequest
from rewardsmith.measure import Measure
from rewardsmith.records import Budget, CheckedReward, Fitness, RunStatus
from rewardsmith.selection import plan_seeds
from rewardsmith.store import Store
from rewardsmith.training.worlds import Worlds

SEARCH = {"iterations": 2, "samples": 3, "seeds": 1, "arms": True}
YOURS = CheckedReward(code="# yours\n", arguments=(), columns=(), terms=(), params={})
SHORT = TASK.model_copy(update={"budget": Budget(timesteps=100)})


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path)
    yield opened
    opened.close()


def test_the_native_reward_gets_as_many_policies_and_once_all_the_steps() -> None:
    arms = {arm.name: arm for arm in planned(RunConfig(search=SEARCH), SHORT, YOURS)}
    assert list(arms) == ["native", "yours", "fitness", "native-best", "native-long", "untrained"]
    assert arms["native-best"].policies == 6
    assert (arms["native-long"].policies, arms["native-long"].timesteps) == (1, 600)
    assert (arms["untrained"].timesteps, arms["yours"].reward) == (0, YOURS)
    plain = planned(RunConfig(), SHORT)
    assert [arm.name for arm in plain] == ["native", "untrained"]


def test_the_best_of_many_is_chosen_on_selection_seeds_and_reported_on_others(
    store: Store,
) -> None:
    config = RunConfig(search=SEARCH)
    run = store.create_run(task=SHORT, config=config, proposer="offline baseline", compare=YOURS)
    names = ("r01c00", "native", "yours", "fitness", "native-best", "native-long", "untrained")
    engine = Spread(dict.fromkeys(names, 1.0))
    control = Control(run, store, lambda event: None, clock=lambda: 0.0)
    measure = Measure(run, store, engine, lambda event: None, lambda: None)
    seeds = plan_seeds(0, selection=1, final=1, report=3, episodes=2)
    best = candidate(0)
    store.save_candidate(run.id, best)
    measure_arms(control, store, measure, best, seeds)
    arms = {arm.name: arm for arm in store.baselines(run.id)}
    many = arms["native-best"]
    own = [t.seed for t in many.trainings if t.purpose == "selection"]
    assert own == list(range(seeds.unused, seeds.unused + 6))
    (reported,) = (t for t in many.trainings if t.purpose == "report")
    assert reported.seed == own[-1]  # Spread gives the last seed most
    assert reported.episodes and reported.episodes.seeds == seeds.report_episodes
    assert many.report and many.report.n_seeds == 1
    (long,) = (t for t in arms["native-long"].trainings if t.purpose == "report")
    assert (long.timesteps, long.seed) == (600, seeds.unused)
    assert {n: a.report and a.report.n_seeds for n, a in arms.items()} == {
        "native": 3,
        "yours": 3,
        "fitness": 3,
        "native-best": 1,
        "native-long": 1,
        "untrained": 3,
    }
    asked = len(engine.trained)
    measure_arms(control, store, measure, store.candidates(run.id)[0], seeds)
    assert len(engine.trained) == asked
    # A longer search: two policies more, of which the last is the best now, and a longer one.
    control.run = run.model_copy(update={"config": RunConfig(search={**SEARCH, "samples": 4})})
    measure_arms(control, store, measure, store.candidates(run.id)[0], seeds)
    arms = {arm.name: arm for arm in store.baselines(run.id)}
    (reported,) = (t for t in arms["native-best"].trainings if t.purpose == "report")
    (long,) = (t for t in arms["native-long"].trainings if t.purpose == "report")
    assert (reported.seed, long.timesteps) == (seeds.unused + 7, 800)
    assert len(engine.trained) == asked + 3


def test_the_arm_that_does_not_iterate_gets_as_many_rewards_as_were_tuned() -> None:
    tuned = RunConfig(search=SEARCH, tune={"method": "cmaes", "generations": 2, "samples": 4})
    ours, beside = searches(tuned)
    assert ours == tuned and beside.search.strategy == "best-of-n"
    assert beside.search.iterations * beside.search.samples == 5 * 3 >= 2 * 3 + 2 * 4
    assert not beside.tune.method and not beside.search.arms
    assert searches(RunConfig()) == (RunConfig(),)


def test_an_arm_that_is_a_search_gets_what_its_run_has_left_and_no_time_of_its_own(
    store: Store,
) -> None:
    limits = LimitConfig(wall_s=60.0, cost_usd=2.0, tokens=100)
    config = RunConfig(search=SEARCH, limits=limits)
    run = store.create_run(task=SHORT, config=config, proposer="model m")
    request = ChatRequest(model="m", messages=()).model_dump_json()
    call = store.intend_call(run.id, "r01c00/propose", "hash", request)
    reply = ChatReply(
        text="", finish="stop", model="m", wall_s=1.0, cost_usd=1.25, prompt_tokens=30,
        completion_tokens=12,
    )  # fmt: skip
    store.finish_call(call, reply=reply.model_dump_json(), error=None)
    left = start.left(run, store)
    assert (left.wall_s, left.cost_usd, left.tokens) == (None, 0.75, 58)
    spent = config.model_copy(update={"limits": LimitConfig(cost_usd=1.25)})
    with pytest.raises(
        LimitReached, match=r"1.25 of 1.25 USD are spent, .*best-of-n; give a larger --cost-limit"
    ):
        start.left(run.model_copy(update={"config": spent}), store)


def test_a_longer_search_gets_a_new_arm_and_one_that_was_stopped_keeps_its_own(
    store: Store,
) -> None:
    run = store.create_run(
        task=SHORT,
        config=RunConfig(search=SEARCH),
        proposer="offline baseline",
        arm="beside",
        best="r01c00",
        finalists=("r01c00",),
    )
    longer = start.reopen(run, {"iterations": 3})
    assert (longer.arm, longer.best, longer.finalists) == ("", None, ())
    stopped = run.model_copy(update={"status": RunStatus.LIMIT})
    kept = start.reopen(stopped, {"time_limit": 60.0})
    assert (kept.arm, kept.best, kept.config.limits.wall_s) == ("beside", "r01c00", 60.0)


def test_a_run_goes_on_with_the_task_and_the_trainings_that_it_began_with(store: Store) -> None:
    config = RunConfig(env="CartPole-v1", search=SEARCH)
    run = store.create_run(task=SHORT, config=config, proposer="offline baseline")
    same = start.reopen(run, {"env": "CartPole-v1", "samples": None, "max_workers": 2})
    assert same.config.train.max_workers == 2 and same.config.search == config.search
    other = {"env": "Hopper-v5", "seed": 7, "algo": "sac", "search": {"report_seeds": 3}}
    with pytest.raises(UserError) as caught:
        start.reopen(run, {**other, "iterations": 3})
    assert "cannot change env, seed, report_seeds, algo: " in str(caught.value)
    assert "(it may be given --iterations, --tune, --time-limit" in str(caught.value)
    with pytest.raises(UserError, match="did you mean"):
        start.reopen(run, {"search": {"iteration": 3}})


@pytest.mark.parametrize("direction", ["maximize", "minimize"])
def test_fitness_as_reward_is_paid_once_at_the_end_of_an_episode(direction: str) -> None:
    task = tasks.resolve("CartPole-v1", "balance the pole")
    told = {"expression": "T", "direction": direction}
    fitness = Fitness.model_validate({**task.fitness.model_dump(), **told})
    task = task.model_copy(update={"fitness": fitness})
    worlds = Worlds(task, [np.random.default_rng(i) for i in range(3)], pays="fitness")
    sign, ends = 1.0 if direction == "maximize" else -1.0, 0
    for _ in range(60):
        step, finished = worlds.step(np.ones(3, dtype=np.int64))
        paid = {world: value for world, value in enumerate(step.native_reward) if value}
        assert paid == {end.world: sign * end.length for end in finished}
        ends += len(finished)
    worlds.sim.close()
    assert ends > 6


class Spread(ScriptedEngine):
    """Each policy has its training seed for its fitness."""

    def evaluate(self, jobs, poll):  # type: ignore[no-untyped-def]
        for job in jobs:
            seed = float(Path(job.policy).parent.name.rpartition("-")[2])
            yield Evaluated(job=job, episodes=episodes(job.seeds, seed))
