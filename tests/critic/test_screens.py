"""The screens and the exploit battery: who is paid more, and whether that is right."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from rewardsmith import tasks
from rewardsmith.critic import exploits, payouts, screens
from rewardsmith.critic.returns import Paid, pay
from rewardsmith.errors import CandidateError
from rewardsmith.records import CheckedReward, Column, Fitness
from rewardsmith.reward import Transitions
from rewardsmith.rollouts import Rollout

UP = Fitness(name="far", expression="1", unit="m")
DOWN = Fitness(name="late", expression="1", direction="minimize")
EMPTY = Transitions(
    state={},
    next_state={},
    obs=np.zeros((1, 1)),
    next_obs=np.zeros((1, 1)),
    action=np.zeros((1, 1)),
    prev_action=np.zeros((1, 1)),
    terminated=np.zeros(1, dtype=bool),
    t=np.zeros(1, dtype=np.int64),
)


def paid(behaviour: str, fitness: float, total: float, **terms: float) -> Paid:
    rollout = Rollout(behaviour=behaviour, seed=0, fitness=fitness, transitions=EMPTY)
    return Paid(rollout=rollout, total=total, terms=terms or {"a": total}, per_step=total / 10)


SEEN = [
    paid("r01c00", 6.0, 60.0),
    paid("r01c01", 3.0, 30.0),
    paid("do-nothing", 0.0, 5.0),
    paid("random", 0.1, 2.0),
]
TRAINED = {"r01c00", "r01c01"}


def turned(episodes: Sequence[Paid]) -> list[Paid]:
    """The same episodes, paid the other way round."""
    return [paid(p.rollout.behaviour, p.fitness, -p.total) for p in episodes]


def test_a_reward_that_orders_as_the_fitness_does_scores_one() -> None:
    screen = screens.alignment(SEEN, TRAINED, UP)
    assert (screen.accuracy, screen.pairs) == (1.0, 5)
    assert screens.finding(screen) is None


def test_the_wrong_sign_is_refused_with_an_example() -> None:
    screen = screens.alignment(turned(SEEN), TRAINED, UP)
    assert screen.accuracy == 0.0
    finding = screens.finding(screen)
    assert finding is not None and finding.severity == "error" and finding.rule == "alignment"
    assert "100% of 5 pairs" in finding.message and '"r01c00" with fitness 6' in finding.message


def test_a_fitness_to_minimise_turns_the_order() -> None:
    lower_is_better = [paid(p.rollout.behaviour, -p.fitness, p.total) for p in SEEN]
    assert screens.alignment(lower_is_better, TRAINED, DOWN).accuracy == 1.0


def test_equal_returns_count_half_and_half_is_not_refused() -> None:
    flat = [paid(p.rollout.behaviour, p.fitness, 1.0) for p in SEEN]
    screen = screens.alignment(flat, TRAINED, UP)
    assert screen.accuracy == 0.5
    assert screens.finding(screen) is None


@pytest.mark.parametrize(
    ("episodes", "trained"),
    [
        (SEEN, set()),
        ([paid(p.rollout.behaviour, 1.0, p.total) for p in SEEN], TRAINED),
        ([paid("r01c00", -5.0, 0.0), *SEEN[2:]], {"r01c00"}),
    ],
    ids=["nobody is trained", "all do alike", "the trained one does worst"],
)
def test_where_the_episodes_say_nothing_the_screen_says_so(
    episodes: list[Paid], trained: set[str]
) -> None:
    screen = screens.alignment(turned(episodes), trained, UP)
    assert screen.accuracy is None and screen.why
    assert screens.finding(screen) is None


def test_contrast_asks_for_the_own_side_by_the_step() -> None:
    episodes = [paid("ahead", 4.0, 1.0), paid("back", -4.0, 9.0), paid("still", 0.0, 50.0)]
    screen = screens.contrast(episodes, [8.0, -8.0, 0.01])
    assert (screen.accuracy, screen.pairs) == (0.0, 1)
    finding = screens.finding(screen)
    assert finding is not None and finding.rule == "contrast" and '"back"' in finding.message
    assert screens.contrast(episodes, [-8.0, 8.0, 0.01]).accuracy == 1.0


@pytest.mark.parametrize(
    ("side", "missing"),
    [
        ([6.0, 3.0, 0.0, 0.1], "the opposite way"),
        ([-6.0, -3.0, 0.0, -0.1], "the task's way"),
        ([0.0, 0.0, 0.0, 0.0], "the opposite way"),
    ],
)
def test_contrast_without_episodes_of_either_side_says_which_is_missing(
    side: list[float], missing: str
) -> None:
    screen = screens.contrast(SEEN, side)
    assert screen.accuracy is None
    assert screen.why == f"no episode of this run went {missing}"


# --- the battery ---------------------------------------------------------------------------------


def test_an_exploit_is_told_with_the_term_that_pays_for_it() -> None:
    seen = [
        paid("r01c00", 6.0, 60.0, speed=50.0, alive=10.0),
        paid("do-nothing", 0.0, 99.0, speed=0.0, alive=99.0),
        paid("random", 0.1, 3.0, speed=1.0, alive=2.0),
    ]
    (finding,) = exploits.findings(seen, ["r01c00"], UP)
    assert finding.severity == "warning" and finding.rule == "exploit"
    assert '"do-nothing" (fitness 0 m)' in finding.message
    assert "`alive` by 89" in finding.message and "speed" not in finding.message


def test_a_policy_that_learnt_to_farm_is_in_the_archive() -> None:
    seen = [paid("r01c00", 6.0, 60.0), paid("r01c03", 0.2, 800.0), paid("random", 0.0, 1.0)]
    (finding,) = exploits.findings(seen, ["r01c00", "r01c03"], UP)
    assert '"r01c03"' in finding.message and "the policy of r01c00" in finding.message


@pytest.mark.parametrize(
    ("seen", "trained"),
    [
        (SEEN, ["r01c00", "r01c01"]),
        ([paid("do-nothing", 0.0, 9.0), paid("random", 1.0, 0.0)], []),
        ([paid("r01c00", 6.0, 1.0), paid("r01c01", 5.9, 2.0), paid("x", 0.0, 0.0)], ["r01c00"]),
    ],
    ids=["honest", "nobody is trained", "nearly as good"],
)
def test_nobody_is_accused_without_reason(seen: list[Paid], trained: list[str]) -> None:
    assert list(exploits.findings(seen, trained, UP)) == []


def test_the_battery_covers_its_behaviours_on_any_kind_of_actions() -> None:
    hopper = exploits.battery(tasks.resolve("Hopper-v5", "hop forward"), 0)
    by_name = {rollout.behaviour: rollout for rollout in hopper}
    wanted = {"do-nothing", "saturate high", "saturate low", "random", "end-early", "idle-alive"}
    assert wanted <= set(by_name) and any("oscillate" in name for name in by_name)
    lengths = {name: len(rollout.transitions) for name, rollout in by_name.items()}
    steady = [n for n in lengths if n.startswith(("do-nothing", "saturate"))]
    assert lengths["end-early"] <= min(lengths[name] for name in steady)
    assert lengths["idle-alive"] >= 0.98 * max(lengths[name] for name in steady)
    assert set(np.unique(by_name["do-nothing"].transitions.action)) == {0.0}
    again = exploits.battery(tasks.resolve("Hopper-v5", "hop forward"), 0)
    for one, other in zip(hopper, again, strict=True):
        np.testing.assert_array_equal(one.transitions.obs, other.transitions.obs)

    cart = exploits.battery(tasks.resolve("CartPole-v1", "balance the pole"), 0)
    pushes = {r.behaviour: set(r.transitions.action.tolist()) for r in cart}
    assert pushes["always action 1"] == {1} and pushes["oscillate every 4 steps"] == {0, 1}


# --- what is paid --------------------------------------------------------------------------------

STEPS = CheckedReward(
    code=(
        "import numpy as np\n\ndef compute_reward(t):\n"
        '    return {"one": np.ones(len(t)), "late": np.where(t > 8, 1.0 / (t - 9.0), 0.0)}\n'
    ),
    arguments=("t",),
    columns=(Column(argument="t", dtype="int64"),),
    terms=("one", "late"),
    params={},
)


def episode(steps: int) -> Rollout:
    made = EMPTY.rows(np.zeros(steps, dtype=np.intp))
    timed = Transitions(**{**vars(made), "t": np.arange(steps)})
    return Rollout(behaviour="x", seed=0, fitness=0.0, transitions=timed)


def test_returns_are_discounted_and_come_from_the_jail() -> None:
    (short, longer) = pay(STEPS, [episode(2), episode(8)], 0.5, unsafe=False)
    assert short.total == 1.5 and short.per_step == 1.0
    assert longer.terms == {"one": pytest.approx(2 - 0.5**7), "late": 0.0}


def test_a_reward_that_breaks_on_an_episode_is_its_own_fault() -> None:
    with pytest.raises(CandidateError) as fault:
        pay(STEPS, [episode(12)], 0.5, unsafe=False)
    assert fault.value.cause == "nonfinite" and "late" in fault.value.for_llm


def test_nothing_is_paid_for_nothing() -> None:
    assert pay(STEPS, [], 0.5, unsafe=False) == ()


def test_payouts_tell_best_and_worst_episodes_by_term_and_the_pair_most_wrongly_ordered() -> None:
    episodes = [
        paid("r01c00", 6.0, 10.0, speed=9.0, alive=1.0),
        paid("r01c01", 3.0, 30.0, speed=2.0, alive=28.0),
        paid("do-nothing", 0.0, 5.0, speed=0.0, alive=5.0),
        paid("random", 0.1, 2.0, speed=0.0, alive=2.0),
    ]
    told = payouts.words(episodes, TRAINED, UP).splitlines()
    assert told[1] == "- best: r01c00, fitness 6, 1 steps: 10 in all; speed 9, alive 1"
    assert told[2] == "- worst: r01c01, fitness 3, 1 steps: 30 in all; speed 2, alive 28"
    assert told[3] == "The reward orders 80% of 5 pairs of episodes as the fitness does."
    assert told[4].startswith('Most wrongly: "r01c01" with fitness 3 is paid 30, "r01c00"')
    assert "Most wrongly" not in payouts.words(SEEN, TRAINED, UP)
    (best, *_) = [
        line for line in payouts.words(SEEN, TRAINED, DOWN).splitlines() if "best" in line
    ]
    assert "r01c01" in best
    assert "says nothing yet" in payouts.words(SEEN[1:], {"r01c01"}, DOWN)
