"""Every strategy: its decisions follow from the stored candidates, and nobody who failed breeds."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import pytest
from scripted_engine import LATE, candidate

from rewardsmith.config import SearchConfig, TuneConfig
from rewardsmith.records import Candidate, Fitness, Operator, Score, Stage
from rewardsmith.strategies import HISTORY, Move, Strategy, Turn
from rewardsmith.strategies.choice import strategy
from rewardsmith.strategies.islands import Islands, softmax
from rewardsmith.tuning import Tuner

UP = Fitness(name="up", expression="T")
DOWN = Fitness(name="down", expression="T", direction="minimize")
NAMES = ("eureka", "islands", "card", "best-of-n")
CODE = "PARAMS = {'w': 2.0, 'v': 1.0}\n\n\ndef compute_reward(obs, params):\n    return {}\n"


def made(name: str) -> Strategy:
    if name in ("cmaes", "tpe"):
        return Tuner(TuneConfig.model_validate({"method": name, "samples": 4}))
    return strategy(SearchConfig.model_validate({"strategy": name, "islands": 3}))


def scored(generation: int, index: int, value: float, **parts: object) -> Candidate:
    measured = Score(value=value, low=value, high=value, n_seeds=1)
    operator: Operator = "first" if generation == 1 else "mutate"
    settled = {"stage": Stage.EVALUATED, "score": measured, "operator": operator, "code": CODE}
    return candidate(index, generation, **{**settled, **parts})


def failed(generation: int, index: int) -> Candidate:
    return candidate(index, generation, stage=Stage.FAILED, failure=LATE, operator="first")


def turn(
    past: Sequence[Candidate], *, width: int = 8, fitness: Fitness = UP, seed: int = 0
) -> Turn:
    generation = max((c.generation for c in past), default=0) + 1
    slots = tuple(f"r{generation:02d}c{i:02d}" for i in range(width))
    return Turn(generation=generation, slots=slots, past=tuple(past), fitness=fitness, seed=seed)


def ids(candidates: Sequence[Candidate]) -> list[str]:
    return [c.id for c in candidates]


def lived_through(name: str, generations: int, fitness: Fitness = UP) -> list[Candidate]:
    """A search by this strategy whose every fifth candidate fails."""
    past: list[Candidate] = []
    for _ in range(generations):
        asked = turn(past, width=6, fitness=fitness)
        for index, move in enumerate(made(name).moves(asked)):
            value = float((7 * len(past) + 3 * index) % 11)
            child = scored(asked.generation, index, value, operator=move.operator)
            child = child.model_copy(
                update={"island": move.island, "parents": tuple(ids(move.parents))}
            )
            if len(past) % 5 == 4:
                child = child.model_copy(
                    update={"stage": Stage.FAILED, "score": None, "failure": LATE}
                )
            past.append(child)
    return past


# --- the contract --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_the_first_generation_has_no_parents_and_every_slot_a_move(name: str) -> None:
    moves = made(name).moves(turn([]))
    assert [move.slot for move in moves] == list(turn([]).slots)
    assert {move.operator for move in moves} == {"first"}
    assert not any(move.parents or move.history for move in moves)


@pytest.mark.parametrize("name", [*NAMES, "cmaes", "tpe"])
def test_a_resumed_run_decides_the_same(name: str) -> None:
    """What is stored comes back from JSON, in another process: here in another object."""
    past = lived_through("eureka" if name in ("cmaes", "tpe") else name, 4)
    if name in ("cmaes", "tpe"):
        past += [scored(5, i, float(i), operator="tune", code=CODE) for i in range(4)]
    asked = turn(past)
    again = Turn.model_validate_json(asked.model_dump_json())
    assert made(name).moves(again) == made(name).moves(asked)


@pytest.mark.parametrize("name", NAMES)
def test_a_slot_is_decided_alike_whichever_others_are_asked_with_it(name: str) -> None:
    asked = turn(lived_through(name, 3))
    alone = asked.model_copy(update={"slots": asked.slots[5:6]})
    assert made(name).moves(alone) == made(name).moves(asked)[5:6]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("fitness", [UP, DOWN], ids=["up", "down"])
def test_parents_have_scores_and_as_many_are_there_as_the_operator_needs(
    name: str, fitness: Fitness
) -> None:
    wanted = {"first": 0, "mutate": 1, "cross": 2, "splice": 2}
    past = lived_through(name, 6, fitness)
    for generation in range(2, 8):
        asked = turn([c for c in past if c.generation < generation], fitness=fitness)
        for move in made(name).moves(asked):
            assert len(move.parents) == wanted[move.operator]
            assert len(set(ids(move.parents))) == len(move.parents)
            assert all(c.score and not c.failure for c in (*move.parents, *move.history))
            assert len(move.history) <= HISTORY
            assert not set(ids(move.history)) & set(ids(move.parents))
            sign = 1 if fitness is UP else -1
            values = [sign * c.score.value for c in move.parents if c.score]
            assert values == sorted(values, reverse=True), "the best parent comes first"


@pytest.mark.parametrize("name", NAMES)
def test_who_failed_or_was_not_measured_is_no_parent(name: str) -> None:
    waiting = candidate(1, operator="first")
    moves = made(name).moves(turn([failed(1, 0), waiting]))
    assert {move.operator for move in moves} == {"first"}


@pytest.mark.parametrize("name", NAMES)
def test_a_strategy_is_called_what_the_settings_call_it(name: str) -> None:
    assert made(name).name == name


# --- eureka --------------------------------------------------------------------------------------


def test_greedy_goes_on_from_the_best_of_all_rounds_not_from_that_of_the_last() -> None:
    """Eureka goes on from the last round's best, even where it is worse."""
    first = [scored(1, 0, 3.0), scored(1, 1, 224.0)]
    last = [scored(2, 0, -612.0), scored(2, 1, 100.0)]
    moves = made("eureka").moves(turn([*first, *last]))
    assert [move.operator for move in moves] == ["mutate", "mutate", "mutate", "cross"] * 2
    assert ids(moves[0].parents) == ["r01c01"] and ids(moves[3].parents) == ["r01c01", "r02c01"]
    (down, *_) = made("eureka").moves(turn([*first, *last], fitness=DOWN))
    assert ids(down.parents) == ["r02c00"] and ids(down.history) == ["r01c00"]


def test_four_bests_of_earlier_are_history_the_newest_first() -> None:
    past = [scored(generation, 0, float(generation)) for generation in range(1, 8)]
    (move,) = made("eureka").moves(turn(past, width=1))
    assert ids(move.parents) == ["r07c00"]
    assert ids(move.history) == ["r06c00", "r05c00", "r04c00", "r03c00"]


def test_a_stalled_chain_gives_way_to_a_new_one_and_the_new_one_has_its_time() -> None:
    past = [scored(1, 0, 5.0), scored(2, 0, 1.0), scored(3, 0, 2.0)]
    (restart,) = made("eureka").moves(turn(past, width=1))
    assert (restart.operator, restart.parents, restart.history) == ("first", (), ())
    past.append(scored(4, 0, 0.5, operator="first"))
    (move,) = made("eureka").moves(turn(past, width=1))
    assert (ids(move.parents), move.history) == (["r04c00"], ()), "the old chain is left alone"
    past += [scored(5, 0, 0.1), scored(6, 0, 0.1)]
    (again,) = made("eureka").moves(turn(past, width=1))
    assert again.operator == "first"


def test_a_reward_of_the_users_own_begins_a_chain_like_any_other() -> None:
    past = [scored(1, 0, 5.0, operator="init"), scored(1, 1, 1.0)]
    (move, *_) = made("eureka").moves(turn(past))
    assert ids(move.parents) == ["r01c00"]


# --- best-of-n, card -----------------------------------------------------------------------------


def test_without_iteration_nothing_of_earlier_generations_is_seen() -> None:
    chosen = made("best-of-n")
    moves = chosen.moves(turn(lived_through("best-of-n", 3)))
    assert {(m.operator, m.parents, m.history) for m in moves} == {("first", (), ())}
    assert chosen.shows == "none"


def test_one_chain_goes_on_from_the_last_generation_also_downhill() -> None:
    past = [scored(1, 0, 9.0), scored(1, 1, 8.0), scored(2, 0, 3.0), scored(2, 1, 4.0)]
    moves = made("card").moves(turn(past))
    assert {move.operator for move in moves} == {"mutate"}
    assert ids(moves[0].parents) == ["r02c01"] and ids(moves[0].history) == ["r01c00"]
    later = [*past, failed(3, 0)]
    assert ids(made("card").moves(turn(later))[0].parents) == ["r02c01"]
    assert made("card").shows == "episodes"


# --- islands -------------------------------------------------------------------------------------


def settled(past: Sequence[Candidate], *, seed: int = 0, fitness: Fitness = UP) -> list[list[str]]:
    return [ids(island) for island in Islands(2).settled(turn(past, seed=seed, fitness=fitness))]


def calm(generations: int) -> int:
    """A seed with which nobody migrates after so many generations."""
    first = [scored(1, i, float(i), island=i % 2) for i in range(8)]
    later = [scored(g, 0, -1.0, island=0) for g in range(2, generations + 1)]
    for seed in itertools.count():
        if settled([*first, *later], seed=seed) == [
            ["r01c06", "r01c04", "r01c02", "r01c00"],
            ["r01c07", "r01c05", "r01c03", "r01c01"],
        ]:
            return seed
    raise AssertionError


def test_slots_go_round_the_islands_and_parents_are_of_the_same_one() -> None:
    past = lived_through("islands", 5)
    asked = turn(past)
    homes = Islands(3).settled(asked)
    for at, move in enumerate(made("islands").moves(asked)):
        assert move.island == at % 3
        assert set(ids(move.parents)) <= set(ids(homes[at % 3]))


def test_a_child_enters_its_island_only_if_it_beats_the_mean_that_was_there() -> None:
    seed = calm(2)
    first = [scored(1, i, float(i), island=i % 2) for i in range(8)]  # means 3 and 4
    children = [
        scored(2, 0, 3.0, island=0),
        scored(2, 1, 3.5, island=1),
        scored(2, 2, 3.1, island=0),
        scored(2, 3, 4.1, island=1),
        failed(2, 4).model_copy(update={"island": 0}),
    ]
    here, there = settled([*first, *children], seed=seed)
    assert {name for name in here + there if name.startswith("r02")} == {"r02c02", "r02c03"}
    assert "r02c02" in here and "r02c03" in there


def test_where_less_is_better_a_child_has_to_lie_below_the_mean() -> None:
    past = [scored(1, 0, 2.0, island=0), scored(1, 1, 2.0, island=1)]
    children = [scored(2, 0, 1.0, island=0), scored(2, 1, 3.0, island=1)]
    here, there = settled([*past, *children], seed=calm(2), fitness=DOWN)
    assert here == ["r02c00", "r01c00"] and there == ["r01c01"]


def test_an_island_where_all_failed_is_asked_for_firsts_and_takes_whoever_comes() -> None:
    past = [scored(1, 0, 2.0, island=0), failed(1, 1).model_copy(update={"island": 1})]
    moves = Islands(2).moves(turn(past, seed=calm(1)))
    assert [move.operator for move in moves[1::2]] == ["first"] * 4
    child = scored(2, 1, -50.0, island=1)
    assert settled([*past, child], seed=calm(2)) == [["r01c00"], ["r02c01"]]


def test_now_and_then_the_weaker_half_keeps_its_best_and_gets_a_settler() -> None:
    first = [scored(1, i, float(i), island=i % 2) for i in range(8)]
    outcomes = [settled(first, seed=seed) for seed in range(60)]
    moved = [pair for pair in outcomes if len(pair[0]) == 2]
    assert 8 <= len(moved) <= 30, "three in ten"
    for weak, strong in moved:
        assert "r01c06" in weak and len(strong) == 3
        (settler,) = set(weak) - {"r01c06"}
        assert settler in {"r01c01", "r01c03", "r01c05"}, "the best of an island stays"
    assert len({tuple(sorted(weak)) for weak, _ in moved}) == 3


def test_an_island_holds_eight_and_the_worst_has_to_leave() -> None:
    past = [scored(1, i, float(i), island=0) for i in range(12)]
    assert settled(past, seed=calm(1))[0] == [f"r01c{i:02d}" for i in range(11, 3, -1)]


def test_parents_are_drawn_by_softmax_over_fitness() -> None:
    members = [scored(1, 0, 10.0), scored(1, 1, 5.0), scored(1, 2, 0.0)]
    up, down = softmax(members, UP), softmax(members, DOWN)
    assert sum(up) == pytest.approx(1.0)
    assert up == pytest.approx(down[::-1])
    assert up[0] / up[1] == pytest.approx(up[1] / up[2]) == pytest.approx(2.718281828)
    assert softmax(members[:1], UP) == [1.0]
    drawn = [
        move.parents[0].id
        for seed in range(100)
        for move in Islands(1).moves(turn(members, seed=seed))
        if move.operator == "mutate"
    ]
    share = drawn.count("r01c00") / len(drawn)
    assert share == pytest.approx(up[0], abs=0.08)


def test_half_of_the_moves_mutate_the_others_cross_with_and_without_the_proposer() -> None:
    members = [scored(1, i, float(i)) for i in range(4)]
    moves: list[Move] = []
    for seed in range(50):
        moves += Islands(1).moves(turn(members, seed=seed))
    counts = {
        name: sum(m.operator == name for m in moves) for name in ("mutate", "cross", "splice")
    }
    assert sum(counts.values()) == len(moves) == 400
    assert counts["mutate"] == pytest.approx(200, abs=40)
    assert counts["cross"] == pytest.approx(100, abs=30)


def test_candidates_made_for_no_island_are_spread_over_them() -> None:
    past = [scored(1, i, float(i)) for i in range(4)]
    assert sorted(map(len, settled(past, seed=calm(1)))) == [2, 2]
