"""How much of what an oracle selects do 50 votes select? Writes docs/feedback.md.

The same search three times for every seed, with the offline proposer: parents and the best chosen
by the fitness itself (the oracle), by the votes of a simulated rater (beta 3, 5 % mistakes) who
sees single episodes, and by votes cast by chance. Raters are asked for pairs, 50 in all. Only the
selection differs; the proposer reads the same statistics of training in all three.

It goes on where it was stopped: a search that is done is not done again.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import numpy as np

from rewardsmith import session, start
from rewardsmith.records import Record, RunStatus
from rewardsmith.selection import interval
from rewardsmith.settings import build
from rewardsmith.store import RunRecord, Store

GENERATIONS, SAMPLES, VOTES = 2, 5, 50
ARMS = {
    "oracle": {},
    "votes": {"raters": ("simulated:beta=3,mistake=0.05",)},
    "chance": {"raters": ("simulated:beta=0",)},
}


class Case(Record):
    """An environment with a budget at which the rewards differ."""

    env: str
    sentence: str
    timesteps: int


CASES = (
    Case(env="HalfCheetah-v5", sentence="run forward as fast as possible", timesteps=20_000),
    Case(env="CartPole-v1", sentence="balance the pole", timesteps=8_000),
)


class Reached(Record):
    """What one search came to."""

    env: str
    arm: str
    seed: int
    chosen: float
    """Fitness of the policy that was chosen, mean of its episodes on the selection seeds."""
    held_out: float
    """The same reward trained again on held-out seeds."""
    untrained: float


def search(store: Store, case: Case, arm: str, seed: int) -> RunRecord:
    """The finished search of this arm and seed; run, or resumed, where it is not there yet."""
    asked = {"mode": "pair", "votes": VOTES // GENERATIONS, **ARMS[arm]} if ARMS[arm] else {}
    config = build(
        {
            "env": case.env,
            "task": case.sentence,
            "seed": seed,
            "notes": arm,  # a label: the offline proposer finds no word of a task in it
            "feedback": asked,
            "model": {"proposer": "grammar"},
            "search": {
                "iterations": GENERATIONS,
                "samples": SAMPLES,
                "finalists": 1,
                "rungs": False,
                "report_seeds": 2,
                "native": False,
            },
            "train": {"timesteps": case.timesteps},
        }
    )
    mine = [run for run in store.runs() if run.config.env == case.env and run.config.seed == seed]
    run = next((run for run in mine if run.config.notes == arm), None)
    if run is None or run.status is not RunStatus.DONE:
        run = session.search(run or start.create(config, store), store, lambda event: None)
    return run


def reached(store: Store, run: RunRecord) -> Reached:
    """What a finished search came to."""
    (best,) = (c for c in store.candidates(run.id) if c.id == run.best)
    (plain,) = (b for b in store.baselines(run.id) if b.name == "untrained")
    assert best.report and plain.report
    selected = [t for t in best.trainings if t.purpose == "selection"]
    return Reached(
        env=run.config.env,
        arm=run.config.notes,
        seed=run.config.seed,
        chosen=float(np.mean([t.episodes.mean_fitness for t in selected if t.episodes])),
        held_out=best.report.value,
        untrained=plain.report.value,
    )


def share(found: Sequence[Reached], env: str, arm: str, what: str) -> tuple[float, float, float]:
    """What the arm reached above an untrained policy, as a part of what the oracle reached: the
    mean over seeds and its 95 % interval."""
    by_seed = {(r.arm, r.seed): r for r in found if r.env == env}
    shares = []
    for seed in sorted({r.seed for r in found if r.env == env}):
        oracle, other = by_seed["oracle", seed], by_seed[arm, seed]
        floor = oracle.untrained
        shares.append((getattr(other, what) - floor) / (getattr(oracle, what) - floor))
    return interval(shares)


def report(found: Sequence[Reached], seeds: int) -> str:
    """The page docs/feedback.md."""
    lines = [
        "# What 50 votes select, beside an oracle",
        "",
        f"`python benchmarks/feedback_search.py --seeds {seeds}` wrote this. " + _setting(),
        "",
        "| environment | steps | selected by | chosen policy | share of the oracle's | "
        "trained again, held out | share of the oracle's |",
        "|---|---|---|---|---|---|---|",
    ]
    for case in CASES:
        for arm in ARMS:
            rows = [r for r in found if r.env == case.env and r.arm == arm]
            cells = [case.env, f"{case.timesteps:,}", arm]
            for what in ("chosen", "held_out"):
                cells.append(_interval(*interval([getattr(row, what) for row in rows])))
                cells.append(
                    "-" if arm == "oracle" else _interval(*share(found, case.env, arm, what))
                )
            lines.append("| " + " | ".join(cells) + " |")
    few = " With so few seeds intervals are wide, and none stands where all seeds came out alike; "
    few += "no order is sure."
    few = few if seeds < 5 else ""
    return "\n".join([*lines, "", _reading() + few, ""])


def _setting() -> str:
    return (
        f"{GENERATIONS} generations of {SAMPLES} rewards by the offline proposer, one training "
        f"each; {VOTES} votes on pairs of single episodes, by a simulated rater with beta 3 and "
        "5 % mistakes; `chance` votes by a coin. Only the selection of parents and of the best "
        "differs. Values are means over seeds with their 95 % t intervals."
    )


def _reading() -> str:
    return (
        "A share counts what lies above an untrained policy. The oracle chooses by the mean of "
        "all evaluation episodes, the rater sees two of them; what is trained again is a new "
        "policy on new seeds, so that noise of training is in the last two columns: where chance "
        "does as well there, so short a training does not show who chose better."
    )


def _interval(value: float, low: float, high: float) -> str:
    return f"{value:.2f} [{low:.2f}, {high:.2f}]" if low < high else f"{value:.2f}"


def main() -> None:
    """Search, write the page, print one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--runs-dir", type=Path, default=Path("runs/feedback_search"))
    parser.add_argument("--only", type=int, help="this many searches, then stop; no page")
    given = parser.parse_args()
    wanted = [(c, arm, seed) for seed in range(given.seeds) for c in CASES for arm in ARMS]
    with closing(Store(given.runs_dir)) as store:
        done = {(r.config.env, r.config.notes, r.config.seed) for r in store.runs()
                if r.status is RunStatus.DONE}  # fmt: skip
        left = [(c, arm, seed) for c, arm, seed in wanted if (c.env, arm, seed) not in done]
        for case, arm, seed in left[: given.only]:
            print(json.dumps(reached(store, search(store, case, arm, seed)).model_dump()))
        if given.only is not None and given.only < len(left):
            return
        found = [reached(store, search(store, *one)) for one in wanted]
    Path("docs/feedback.md").write_text(report(found, given.seeds), encoding="utf-8")
    shares = {
        f"{case.env}_{arm}": [round(x, 3) for x in share(found, case.env, arm, "chosen")]
        for case in CASES
        for arm in ("votes", "chance")
    }
    print(json.dumps({"benchmark": "feedback_search", "seeds": given.seeds, **shares}))


if __name__ == "__main__":
    main()
