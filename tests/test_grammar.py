"""The offline proposer: what it reads in a task, what it writes, how it learns."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from grammar_tasks import batch, cheetah, hopper, scalar, small, vector

from rewardsmith.propose import Ask, Proposal
from rewardsmith.propose.grammar import GrammarProposer
from rewardsmith.propose.grammar.aims import read_fitness
from rewardsmith.records import (
    Candidate,
    Curve,
    Episodes,
    Operator,
    Stage,
    TaskSpec,
    TermStats,
    Training,
)
from rewardsmith.reward import Transitions
from rewardsmith.strategies import Move

CART = (
    scalar("cart_position", "m"),
    scalar("cart_velocity", "m/s"),
    scalar("pole_angle", "rad"),
    scalar("pole_angular_velocity", "rad/s"),
)
PENDULUM = (scalar("angle", "rad"), scalar("angular_velocity", "rad/s"))
CAR = (
    scalar("position_of_the_car_along_the_x_axis", "position (m)"),
    scalar("velocity_of_the_car", "position (m)"),
)

TASKS = {
    "cheetah": cheetah(),
    "hopper": hopper(),
    "pendulum": small("keep the pendulum upright", "mean(cos(angle))", PENDULUM),
    "cartpole": small(
        "balance the pole", "T", CART, episode_end="It ends when the pole falls.", discrete=True
    ),
    "car": small(
        "reach the goal up the hill",
        "native_return",
        CAR,
        episode_end="It terminates when the car reaches the goal.",
        discrete=True,
    ),
    "unreadable": small("juggle", "native_return", (scalar("obs_0"), scalar("obs_1"))),
    "no variables": small("juggle", "native_return", ()),
}


def ask(
    task: TaskSpec,
    n: int = 4,
    *,
    slots: tuple[str, ...] = (),
    parents: tuple[Candidate, ...] = (),
    history: tuple[Candidate, ...] = (),
    operators: tuple[Operator, ...] = (),
    **changes: Any,
) -> Ask:
    slots = slots or tuple(f"r00c{i:02d}" for i in range(n))
    usual: Operator = "mutate" if parents else "first"
    moves = tuple(
        Move(slot=slot, operator=operator, parents=parents, history=history)
        for slot, operator in zip(slots, operators or (usual,) * len(slots), strict=True)
    )
    return Ask(**{"task": task, "generation": 1, "moves": moves, **changes})


def propose(task: TaskSpec, n: int = 4, **changes: Any) -> list[Proposal]:
    return GrammarProposer().propose(ask(task, n, **changes))


def run(code: str, data: Transitions) -> dict[str, np.ndarray]:
    """The terms of a reward that the grammar itself wrote a moment ago."""
    namespace: dict[str, Any] = {}
    exec(compile(code, "reward.py", "exec"), namespace)
    function = namespace["compute_reward"]
    offered = {
        "state": SimpleNamespace(**data.state),
        "next_state": SimpleNamespace(**data.next_state),
        "action": data.action,
        "prev_action": data.prev_action,
        "terminated": data.terminated,
        "params": dict(namespace["PARAMS"]),
    }
    names = function.__code__.co_varnames[: function.__code__.co_argcount]
    return function(**{name: offered[name] for name in names})


def params(code: str) -> dict[str, float]:
    namespace: dict[str, Any] = {}
    exec(compile(code, "reward.py", "exec"), namespace)
    return namespace["PARAMS"]


def slope(code: str, task: TaskSpec, variable: str) -> float:
    """How the mean reward answers when one variable after the step grows a little."""
    data = batch(task)
    before = sum(run(code, data).values()).mean()
    raised = {**data.next_state, variable: data.next_state[variable] + 0.01}
    after = run(code, Transitions(**{**vars(data), "next_state": raised}))
    return float(sum(after.values()).mean() - before)


def trained(
    code: str,
    terms: tuple[TermStats, ...],
    *,
    id: str = "r00c00",
    fitness: tuple[float, ...] = (1.0, 2.0, 3.0),
    length: tuple[float, ...] = (1000.0, 1000.0, 1000.0),
) -> Candidate:
    last = int(length[-1])
    training = Training(
        id=f"{id}/selection-0",
        seed=0,
        purpose="selection",
        timesteps=3000,
        curve=Curve(
            timesteps=(1000, 2000, 3000),
            episode_length=length,
            reward_return=(1.0, 2.0, 3.0),
            fitness=fitness,
        ),
        terms=terms,
        episodes=Episodes(
            seeds=(1, 2),
            fitness=(fitness[-1],) * 2,
            native_return=(0.0, 0.0),
            length=(last, last),
            terminated=(last < 1000,) * 2,
        ),
    )
    return Candidate(
        id=id, generation=0, index=0, stage=Stage.EVALUATED, code=code, trainings=(training,)
    )


def stats(name: str, points: tuple[float, ...], share: float) -> TermStats:
    return TermStats(
        name=name,
        points=points,
        mean=float(np.mean(points)),
        minimum=min(points) - 0.1,
        maximum=max(points) + 0.1,
        share=share,
    )


# --- what it writes ------------------------------------------------------------------------------


@pytest.mark.parametrize("task", TASKS.values(), ids=TASKS.keys())
def test_every_reward_runs_and_gives_finite_terms_for_each_row(task: TaskSpec) -> None:
    data = batch(task)
    for proposal in propose(task, 12):
        terms = run(proposal.code, data)
        assert terms, proposal.code
        for values in terms.values():
            assert values.shape == (len(data),)
            assert np.isfinite(values).all()
        assert sum(terms.values()).std() > 0.0, "the total does not vary"
        assert max(len(line) for line in proposal.code.splitlines()) <= 160


@pytest.mark.parametrize("task", TASKS.values(), ids=TASKS.keys())
def test_one_ask_gets_different_rewards_and_always_the_same_ones(task: TaskSpec) -> None:
    first, again = propose(task, 8), propose(task, 8)
    assert first == again
    assert len({proposal.code for proposal in first}) == 8
    assert [proposal.slot for proposal in first] == [move.slot for move in ask(task, 8).moves]
    assert {proposal.origin for proposal in first} == {"grammar:seed"}
    other = propose(task, 8, seed=1)
    assert [p.code for p in other[1:]] != [p.code for p in first[1:]]


def test_it_calls_itself_offline_and_never_a_model() -> None:
    assert "offline baseline; no model wrote it" in propose(cheetah())[0].code


def test_the_first_generation_differs_in_kind_not_in_numbers_alone() -> None:
    shapes = {frozenset(run(p.code, batch(cheetah()))) for p in propose(cheetah(), 4)}
    assert len(shapes) == 4


def test_nothing_of_the_sentence_or_of_units_can_break_the_file() -> None:
    task = small('spin """\n\\', "native_return", (scalar("wheel_rate", '"""\\'),))
    for proposal in propose(task):
        assert run(proposal.code, batch(task))


# --- what it reads -------------------------------------------------------------------------------


def test_the_plainest_cheetah_is_paid_for_forward_speed_above_all() -> None:
    code = propose(cheetah())[0].code
    terms = run(code, batch(cheetah()))
    sizes = {name: np.abs(values).mean() for name, values in terms.items()}
    assert sizes["forward_speed"] > 0.9 * sum(sizes.values())
    np.testing.assert_array_equal(terms["forward_speed"], batch(cheetah()).next_state["x_velocity"])


@pytest.mark.parametrize(
    ("sentence", "variable", "sign"),
    [
        ("run forward", "x_velocity", 1),
        ("run", "x_velocity", 1),
        ("run backwards as fast as possible", "x_velocity", -1),
        ("jump as high as possible", "z_velocity", 1),
        ("go to the left", "x_velocity", -1),
        ("do not hop, go backward", "x_velocity", -1),
    ],
)
def test_the_sentence_gives_the_direction_where_the_fitness_is_silent(
    sentence: str, variable: str, sign: int
) -> None:
    task = cheetah(sentence)
    task = task.model_copy(
        update={"fitness": task.fitness.model_copy(update={"expression": "native_return"})}
    )
    assert sign * slope(propose(task)[0].code, task, variable) > 0
    assert GrammarProposer().notices(task) == ()


@pytest.mark.parametrize("sentence", ["don't move", "stand still", "stop running"])
def test_what_is_ruled_out_is_charged_for(sentence: str) -> None:
    task = cheetah(sentence)
    task = task.model_copy(
        update={"fitness": task.fitness.model_copy(update={"expression": "native_return"})}
    )
    data = batch(task)
    still = {**data.next_state, "x_velocity": np.zeros(len(data))}
    resting = Transitions(**{**vars(data), "next_state": still})
    code = propose(task)[0].code
    assert sum(run(code, resting).values()).mean() > sum(run(code, data).values()).mean()


def test_words_are_whole_the_hopper_is_not_asked_to_hop() -> None:
    task = hopper("balance the hopper")
    task = task.model_copy(
        update={"fitness": task.fitness.model_copy(update={"expression": "native_return"})}
    )
    for proposal in propose(task):
        assert "speed" not in proposal.code


def test_falling_is_priced_where_episodes_can_end_early_and_only_there() -> None:
    assert "alive" in run(propose(hopper())[0].code, batch(hopper()))
    for proposal in propose(cheetah(), 12):
        assert not {"alive", "fall"} & run(proposal.code, batch(cheetah())).keys()


def test_an_early_end_is_paid_for_where_it_is_the_goal() -> None:
    terms = run(propose(TASKS["car"])[0].code, batch(TASKS["car"]))
    assert terms["arrived"].max() > 0
    assert "alive" not in terms


def test_the_fitness_outweighs_the_sentence() -> None:
    task = cheetah("run forward")
    fitness = task.fitness.model_copy(update={"expression": "first(x_position)-last(x_position)"})
    task = task.model_copy(update={"fitness": fitness})
    assert slope(propose(task)[0].code, task, "x_velocity") < 0


@pytest.mark.parametrize(
    ("expression", "direction", "expected"),
    [
        ("last(p) - first(p)", "maximize", [("progress", "p", None, 1, None)]),
        ("(p[-1] - p[0]) / (T * dt)", "maximize", [("progress", "p", None, 1, None)]),
        ("mean(v)", "minimize", [("raise", "v", None, -1, None)]),
        ("-mean(abs(v))", "maximize", [("near", "v", None, 1, 0.0)]),
        ("mean((a - 1.5) ** 2)", "minimize", [("near", "a", None, 1, 1.5)]),
        ("mean(cos(a))", "maximize", [("cosine", "a", None, 1, None)]),
        ("mean(abs(a) < 0.2)", "maximize", [("near", "a", None, 1, 0.0)]),
        ("mean(p > 1.2)", "maximize", [("raise", "p", None, 1, 1.2)]),
        ("count(abs(p[1:] - first(p)) < 0.25) * dt", "maximize", [("stay", "p", None, 1, None)]),
        ("abs(last(unwrap(a)) - first(a))", "maximize", [("progress", "a", None, 1, None)]),
        ("abs(last(p) - 3)", "minimize", [("near", "p", None, 1, 3.0)]),
        ("last(p) > 5", "maximize", [("progress", "p", None, 1, None)]),
        ("max(norm(w))", "maximize", [("away", "w", None, 1, 0.0)]),
        ("mean(w[:, 2])", "maximize", [("raise", "w", 2, 1, None)]),
        (
            "mean(v) - 0.5 * mean(abs(a))",
            "maximize",
            [("raise", "v", None, 1, None), ("near", "a", None, 1, 0.0)],
        ),
        ("mean(v > 1 and not p > 2)", "maximize",
         [("raise", "v", None, 1, 1.0), ("raise", "p", None, -1, 2.0)]),
        ("native_return", "maximize", []),
        ("not ( an expression", "maximize", []),
    ],
)  # fmt: skip
def test_a_fitness_says_which_variable_should_go_where(
    expression: str, direction: Any, expected: list[tuple[object, ...]]
) -> None:
    variables = (scalar("p", "m"), scalar("v", "m/s"), scalar("a", "rad"), vector("w", 3))
    task = small("x", expression, variables)
    fitness = task.fitness.model_copy(update={"direction": direction})
    aims = read_fitness(task.model_copy(update={"fitness": fitness})).aims
    assert [(a.kind, a.variable.name, a.component, a.sign, a.target) for a in aims] == expected


@pytest.mark.parametrize(("expression", "duration"), [("T", 1), ("-T", -1), ("2 - terminated", 1)])
def test_a_fitness_says_whether_long_episodes_are_good(expression: str, duration: int) -> None:
    assert read_fitness(small("x", expression, ())).duration == duration


def test_an_unread_task_is_a_notice_and_one_variable_at_a_time() -> None:
    task = TASKS["unreadable"]
    (notice,) = GrammarProposer().notices(task)
    assert "neither the sentence nor the fitness" in notice
    assert "\n" not in notice
    found = [run(p.code, batch(task)).keys() for p in propose(task)]
    goals = [{name for name in names if "obs" in name} for names in found]
    assert goals == [{"more_obs_0"}, {"less_obs_0"}, {"more_obs_1"}, {"less_obs_1"}]


# --- how it learns -------------------------------------------------------------------------------


def test_a_dominating_bonus_is_scaled_down() -> None:
    code = propose(hopper())[0].code
    parent = trained(
        code,
        (stats("forward_speed", (0.1, 0.2), 0.05), stats("alive", (0.5, 1.0), 0.95)),
    )
    child = propose(hopper(), 1, parents=(parent,), slots=("r01c00",))[0]
    assert (child.origin, child.parents) == ("grammar:mutate", ("r00c00",))
    assert params(child.code) == {**params(code), "alive_weight": 0.25}


def test_short_episodes_raise_the_price_of_falling() -> None:
    code = propose(hopper())[0].code
    terms = (stats("forward_speed", (0.5, 1.0), 0.5), stats("alive", (0.8, 1.0), 0.5))
    parent = trained(code, terms, length=(40.0, 50.0, 60.0))
    child = propose(hopper(), 1, parents=(parent,))[0]
    assert params(child.code) == {**params(code), "alive_weight": 2.0}


def test_a_flat_term_is_dropped_but_survival_is_not() -> None:
    code = propose(hopper())[0].code
    terms = (
        stats("forward_speed", (0.5, 1.0), 0.5),
        stats("alive", (1.0, 1.0), 0.4),
        stats("upright", (0.3, 0.3), 0.1),
    )
    child = propose(hopper(), 1, parents=(trained(code, terms),))[0]
    before, after = run(code, batch(hopper())), run(child.code, batch(hopper()))
    assert before.keys() - after.keys() == {"upright"}


def test_fitness_near_zero_changes_the_goal() -> None:
    code = propose(cheetah())[0].code
    terms = (stats("forward_speed", (0.5, 1.0), 0.9),)
    parent = trained(code, terms, fitness=(0.0, 0.0, 0.0))
    children = propose(cheetah(), 3, parents=(parent,))
    goals = [{n for n in run(c.code, batch(cheetah())) if "speed" in n} for c in children[:2]]
    assert params(children[0].code)["forward_speed_weight"] == 2.0
    assert goals[1] == {"capped_forward_speed"}


def test_each_move_gets_what_its_operator_says() -> None:
    seeds = propose(hopper())
    parents = tuple(
        trained(p.code, (stats("alive", (0.5, 1.0), 0.5),), id=f"r00c0{i}")
        for i, p in enumerate(seeds[:2])
    )
    slots = tuple(f"r01c{i:02d}" for i in range(3))
    operators: tuple[Operator, ...] = ("mutate", "mutate", "cross")
    asked = {"generation": 2, "slots": slots, "parents": parents, "operators": operators}
    children = propose(hopper(), **asked)
    made = ["grammar:mutate", "grammar:mutate", "grammar:cross"]
    assert [child.origin for child in children] == made
    assert tuple(child.operator for child in children) == operators
    assert children[0].parents == children[1].parents == ("r00c00",)
    assert children[2].parents == ("r00c00", "r00c01")
    mixed = {name for p in seeds[:2] for name in run(p.code, batch(hopper()))}
    assert run(children[2].code, batch(hopper())).keys() <= mixed
    assert propose(hopper(), **asked) == children


def test_nothing_known_is_proposed_again_over_many_generations() -> None:
    task = TASKS["no variables"]
    known: list[Candidate] = []
    for generation in range(6):
        slots = tuple(f"r{generation:02d}c{i:02d}" for i in range(4))
        tried = tuple(candidate.code for candidate in known)
        for proposal in propose(task, slots=slots, parents=tuple(known[-2:]), tried=tried):
            assert proposal.code not in {candidate.code for candidate in known}
            known.append(trained(proposal.code, (), id=proposal.slot))


def test_a_retry_does_not_repeat_what_failed() -> None:
    first = propose(hopper())
    failed = tuple(
        Candidate(id=p.slot, generation=0, index=i, stage=Stage.FAILED, code=p.code)
        for i, p in enumerate(first)
    )
    again = propose(hopper(), attempt=1, failures=failed)
    assert not {p.code for p in again} & {p.code for p in first}


FOREIGN = '''import numpy as np

PARAMS = {"alive": 8.0, "größe": 1.0}  # mine


def compute_reward(next_state, params):
    """Mine: größer ist besser."""
    # a remark worth keeping
    alive = params["alive"] * np.ones_like(next_state.x_velocity)
    return {"ä": next_state.x_velocity * 1.0, "alive": alive, "lean": -next_state.torso_pitch**2}
'''


def test_a_reward_of_the_users_own_keeps_its_text_but_for_one_number() -> None:
    parent = trained(
        FOREIGN, (stats("ä", (0.1, 0.2), 0.02), stats("alive", (8.0, 7.0), 0.97)), id="r00c00"
    )
    children = propose(hopper(), 3, parents=(parent,))
    assert [c.origin for c in children] == ["grammar:mutate"] * 3
    assert children[0].code == FOREIGN.replace('"alive": alive', '"alive": 0.25 * (alive)')
    for child in children[1:3]:
        changed = [
            (old, new)
            for old, new in zip(FOREIGN.splitlines(), child.code.splitlines(), strict=True)
            if old != new
        ]
        assert len(changed) == 1
        assert changed[0][0].startswith("PARAMS")


def test_a_factor_is_changed_not_wrapped_again() -> None:
    code = FOREIGN.replace('"alive": alive', '"alive": 0.25 * (alive)')
    parent = trained(code, (stats("ä", (0.1, 0.2), 0.02), stats("alive", (8.0, 7.0), 0.97)))
    child = propose(hopper(), 1, parents=(parent,))[0]
    assert child.code == FOREIGN.replace('"alive": alive', '"alive": 0.0625 * (alive)')


def test_a_foreign_reward_without_a_handle_leads_to_a_fresh_one() -> None:
    code = "def compute_reward(obs):\n    terms = {'a': obs[:, 0]}\n    return terms\n"
    child = propose(hopper(), 1, parents=(trained(code, ()),))[0]
    assert (child.origin, child.parents) == ("grammar:fresh", ())


def test_a_weight_set_to_zero_by_hand_does_not_stall_it() -> None:
    code = propose(TASKS["no variables"])[0].code.replace("0.05", "0.0")
    child = propose(TASKS["no variables"], 1, parents=(trained(code, ()),))[0]
    assert child.origin == "grammar:fresh"


@pytest.mark.parametrize("number", ["3.0", "3"])
def test_a_file_of_its_own_with_numbers_changed_by_hand_is_still_its_own(number: str) -> None:
    code = propose(hopper())[0].code.replace('"alive_weight": 1.0', f'"alive_weight": {number}')
    terms = (stats("forward_speed", (0.5, 1.0), 0.1), stats("alive", (2.0, 3.0), 0.9))
    child = propose(hopper(), 1, parents=(trained(code, terms),))[0]
    assert params(child.code)["alive_weight"] == 0.75
    assert child.code.startswith('"""A reward composed of typed terms')
