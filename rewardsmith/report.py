"""What came of a run, as one record: best, baselines, failures, cost."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

from rewardsmith.alarms import Alarm, alarms
from rewardsmith.records import Arm, Baseline, Candidate, Record, Score, Training
from rewardsmith.selection import better, difference, rank
from rewardsmith.spending import Yield, spending
from rewardsmith.store import RunRecord, Store

BEST_OF_N = "best-of-n"
"""The arm that is a search without iteration."""


class Best(Record):
    """The best candidate by the seeds furthest from what selection saw; see Candidate.measured."""

    candidate: str
    fitness: float
    fitness_low: float
    fitness_high: float
    seeds: int
    held_out: bool
    """Whether the fitness is of seeds that chose nothing: not so before the report, nor where
    raters alone decide or the user gave one reward to train."""
    selection_fitness: float | None = None
    """What selection saw; the report is usually lower (the winner's curse)."""
    final_fitness: float | None = None
    """What the finals saw."""


class Result(Record):
    """A run's outcome; the last line of `--json`."""

    run: str
    run_dir: str
    status: str
    best: Best | None
    baselines: dict[str, Score | None]
    candidates: int
    failed: int
    cost_usd: float | None
    """None where the price of a call is unknown; 0 without a model."""
    possibly_paid: int
    """Calls that were under way when a process died."""
    models: tuple[Yield, ...] = ()
    """What each model brought; () without one."""
    prompts: tuple[Yield, ...] = ()
    """What each prompt brought."""
    wall_s: float
    jailed: bool
    """Whether generated code ran in a jail that holds; false under --unsafe-no-jail."""
    alarms: tuple[Alarm, ...] = ()
    reward_file: str | None = None
    policy_file: str | None = None


def result(store: Store, run: RunRecord) -> Result:
    """Gather the run's outcome from the store."""
    candidates = store.candidates(run.id)
    best = best_candidate(run, candidates)
    folder = store.candidate_folder(run.id, best) if best else None
    spent, baselines = spending(store, run), store.baselines(run.id)
    return Result(
        run=run.id,
        run_dir=str(store.folder(run.id)),
        status=str(run.status),
        best=_best(run, best) if best else None,
        baselines=_beside(store, run),
        candidates=len(candidates),
        failed=sum(candidate.failure is not None for candidate in candidates),
        cost_usd=spent.total.cost_usd,
        possibly_paid=len(spent.possibly_paid),
        models=spent.models,
        prompts=spent.prompts,
        wall_s=run.wall_s,
        jailed=not run.config.unsafe_no_jail,
        alarms=alarms(run.task, candidates, store.generations(run.id), baselines, best),
        reward_file=str(folder / "reward.py") if folder else None,
        policy_file=str(folder / "policy.safetensors") if folder else None,
    )


def best_candidate(run: RunRecord, candidates: list[Candidate]) -> Candidate | None:
    """The run's best, or while it goes on the best by selection."""
    if run.best:
        return next(candidate for candidate in candidates if candidate.id == run.best)
    return next(iter(rank(candidates, run.task.fitness)), None)


def without_iterating(store: Store, run: RunRecord) -> Candidate | None:
    """The best of the arm in which no candidate learnt from another, where it was reported."""
    if not run.arm:
        return None
    arm = store.run(run.arm)
    best = best_candidate(arm, store.candidates(arm.id))
    return best if best and best.report else None


def comparison(run: RunRecord, best: Candidate, other: Arm) -> str:
    """Where another arm stands: "behind" or "ahead" where the difference, seed by seed, is sure.

    That is where its 95 % interval does not hold zero; else "tie".
    """
    if not best.report or not other.report:
        return ""
    if other.report.n_seeds == 1 < best.report.n_seeds:
        return "one policy"
    gap = difference(reported(best), reported(other))
    if gap is None or gap.low <= 0.0 <= gap.high:
        return "tie"
    return "behind" if better(run.task.fitness, gap.value, 0.0) else "ahead"


def conclusions(
    run: RunRecord,
    best: Candidate,
    baselines: Sequence[Baseline],
    without_iterating: Candidate | None = None,
) -> tuple[str, ...]:
    """What the arms say of the search; it beats only what the interval of a difference says.

    Args:
        without_iterating: the best of as many candidates of which none learnt from another.
    """
    stands = {arm.name: comparison(run, best, arm) for arm in baselines}
    lines = []
    if stands.get("native") in ("tie", "ahead"):
        lines.append("no evidence that the best reward beats the native one")
    if stands.get("yours") in ("tie", "ahead"):
        lines.append("yours was not beaten")
    if without_iterating and comparison(run, best, without_iterating) != "behind":
        lines.append("no evidence that iterating helped")
    return tuple(lines)


def reported(arm: Arm) -> list[Training]:
    """The trainings that an arm is reported by."""
    return [training for training in arm.trainings if training.purpose == "report"]


def native_return(arm: Arm) -> float | None:
    """Mean over all episodes that an arm is reported by; None without any."""
    values = [v for t in reported(arm) if t.episodes for v in t.episodes.native_return]
    return fmean(values) if values else None


def _beside(store: Store, run: RunRecord) -> dict[str, Score | None]:
    reports = {baseline.name: baseline.report for baseline in store.baselines(run.id)}
    rival = without_iterating(store, run)
    return {**reports, **({BEST_OF_N: rival.report} if rival else {})}


def number(value: float) -> str:
    """Three significant digits, whole thousands, no noise below 0.001: 0.012, 4.56, 1234."""
    if abs(value) >= 1000:
        return f"{value:.0f}"
    return f"{round(value, 3) + 0.0:.3g}"


def _best(run: RunRecord, candidate: Candidate) -> Best | None:
    measured = candidate.measured
    if measured is None:
        return None
    return Best(
        candidate=candidate.id,
        fitness=measured.value,
        fitness_low=measured.low,
        fitness_high=measured.high,
        seeds=measured.n_seeds,
        held_out=candidate.report is not None and run.kind == "search",
        selection_fitness=candidate.score.value if candidate.score else None,
        final_fitness=candidate.final.value if candidate.final else None,
    )
