"""The tables at a run's end; they fit 80 columns."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from rewardsmith.alarms import Alarm
from rewardsmith.cli.words import scored, shares
from rewardsmith.records import Arm, Baseline, Candidate
from rewardsmith.report import (
    BEST_OF_N,
    comparison,
    conclusions,
    native_return,
    number,
    reported,
)
from rewardsmith.selection import ENOUGH_SEEDS, better, rank
from rewardsmith.spending import Spending, Spent, Yield
from rewardsmith.store import RunRecord

NO_JAIL = Text("generated code ran WITHOUT the jail (--unsafe-no-jail)", "bold red")
"""Stands wherever results of such a run are shown."""


def candidate_table(
    run: RunRecord, candidates: Sequence[Candidate], best: Candidate | None
) -> Table:
    """Every candidate with its score at selection."""
    what = "candidates on the selection seeds" if run.kind == "search" else "the given reward"
    table = Table(title=Text(f"{what}: {_measure_words(run)}"))
    table.add_column("candidate", no_wrap=True)
    table.add_column("made by", overflow="fold")
    voted = run.task.fitness.voted
    head = "win rate [95 %]" if voted else "fitness [95 %]"
    table.add_column(head, justify="right", no_wrap=True)
    preferred = not voted and any(candidate.preference for candidate in candidates)
    if preferred:
        table.add_column("win rate", justify="right")
    table.add_column("terms' shares", overflow="fold")
    for candidate in candidates:
        name = Text(candidate.id, "bold green" if best and candidate.id == best.id else "")
        fitness = Text(scored(candidate.score) if candidate.score else str(candidate.stage))
        rate = candidate.preference
        rates = [f"{rate.value:.0%}" if rate else "-"] if preferred else []
        table.add_row(name, candidate.origin, fitness, *rates, shares(candidate))
    return table


def finals_table(run: RunRecord, candidates: Sequence[Candidate], best: Candidate) -> Table:
    """The finalists on the seeds that chose the best of them."""
    table = Table(title=Text(f"finals, on seeds of their own: {_measure_words(run)}"))
    table.add_column("finalist", no_wrap=True)
    table.add_column("at selection", justify="right", no_wrap=True)
    table.add_column("fitness [95 %]", justify="right", no_wrap=True)
    table.add_column("seeds", justify="right", no_wrap=True)
    finalists = [c.model_copy(update={"score": c.final}) for c in candidates if c.final]
    before = {c.id: c.score for c in candidates}
    for candidate in rank(finalists, run.task.fitness):
        score, final = before[candidate.id], candidate.final
        table.add_row(
            Text(candidate.id, "bold green" if candidate.id == best.id else ""),
            Text(number(score.value) if score else "-"),
            Text(scored(final) if final else "-"),
            str(final.n_seeds if final else 0),
        )
    return table


def report_table(
    run: RunRecord, baselines: Sequence[Baseline], best: Candidate, rival: Candidate | None
) -> Table:
    """The best and the baselines on seeds that chose nothing."""
    what = "trained again on held-out" if run.kind == "search" else "trained on the given"
    table = Table(title=Text(f"{what} seeds: {_measure_words(run)}"))
    table.add_column("reward", no_wrap=True)
    table.add_column("fitness [95 %]", justify="right", no_wrap=True)
    table.add_column("native return", justify="right", no_wrap=True)
    table.add_column("seeds", justify="right", no_wrap=True)
    table.add_column("against the best", overflow="fold")
    arms: list[Arm] = [best, *([rival] if rival else []), *baselines]
    for arm in arms:
        name = BEST_OF_N if arm is rival else arm.id
        native = native_return(arm)
        words = "(the best)" if arm is best else comparison(run, best, arm)
        lost = next((t.failure for t in reported(arm) if t.failure), None)
        if lost:
            words = ", ".join(filter(None, [words, f"a seed failed: {lost.for_human}"]))
        elif not arm.report:
            words = "not measured"
        table.add_row(
            Text(name, "bold green" if arm is best else ""),
            Text(scored(arm.report) if arm.report else "-"),
            number(native) if native is not None else "-",
            str(arm.report.n_seeds) if arm.report else "0",
            words,
        )
    return table


def footnotes(
    run: RunRecord,
    candidates: Sequence[Candidate],
    baselines: Sequence[Baseline],
    best: Candidate | None,
    rival: Candidate | None,
) -> list[str]:
    """What a reader has to know to read the tables rightly."""
    lines = []
    if any(candidate.preference for candidate in candidates):
        lines.append("win rate: by votes, against the references; it decides who is the best")
    scores = [c.score for c in candidates if c.score and c.score.kind == "scalar"]
    if any(score.n_seeds == 1 for score in scores):
        lines.append("* one training seed: the interval holds its episodes, not training's noise")
    cut = [c for c in candidates for score in (c.score, c.final) if score and score.done < 1]
    if cut:
        lines.append("+ its training was stopped early, for it was behind: so far it had come")
    if best is None or not best.report:
        return lines
    others: list[Arm] = [*([rival] if rival else []), *baselines]
    stands = {comparison(run, best, arm) for arm in others}
    seeded = [best, *(arm for arm in others if comparison(run, best, arm) != "one policy")]
    finals = [candidate.final for candidate in candidates if candidate.final]
    scores = [*finals, *(arm.report for arm in seeded if arm.report)]
    if "tie" in stands:
        lines.append("tie: the 95 % interval of the difference, seed by seed, holds zero")
    if any(score.n_seeds < ENOUGH_SEEDS for score in scores):
        lines.append(f"too few seeds (below {ENOUGH_SEEDS}) to be sure of any order")
    lines += conclusions(run, best, baselines, rival)
    if best.score and run.kind == "search":
        before, after = best.score.value, best.report.value
        gap = f"{number(before - after)} between selection and report"
        curse = ", the winner's curse" if better(run.task.fitness, before, after) else ""
        lines.append(f"{best.id}: {gap}{curse}")
    return lines


def complaints(candidates: Sequence[Candidate], alarms: Sequence[Alarm]) -> list[str]:
    """Why each of the failed has failed, then the critic's warnings on those that came far.

    A warning that is an alarm as well is left to `alarm_lines`.
    """
    told = {alarm.text for alarm in alarms}
    lines = [f"{c.id} failed: {c.failure.for_human}" for c in candidates if c.failure]
    lines += [
        f"{candidate.id} warning: {warning}"
        for candidate in candidates
        if (candidate.final or candidate.report) and candidate.verdict
        for warning in candidate.verdict.warnings
        if warning not in told
    ]
    return [" ".join(line.split()) for line in lines]


def alarm_lines(alarms: Sequence[Alarm], candidates: Sequence[Candidate]) -> list[str]:
    """The alarms on whole generations and on candidates that came far; the rest as a number.

    Where none did, as in a run that was stopped, all of them.
    """
    reported = {c.id for c in candidates if c.final or c.report}
    shown = [a for a in alarms if not reported or not a.candidate or a.candidate in reported]
    lines = [
        " ".join(f"alarm: {a.candidate + ': ' if a.candidate else ''}{a.text}".split())
        for a in shown
    ]
    if rest := len(alarms) - len(shown):
        lines.append(f"{rest} more on other candidates: rewardsmith report --html FILE shows them")
    return lines


def yield_table(title: str, yields: Sequence[Yield]) -> Table:
    """What each model, or each prompt, was asked for and brought."""
    table = Table(title=Text(title))
    table.add_column("", overflow="fold", width=16)
    # Widths that add up to 80 columns: left alone, the first gives way to the others.
    for column, width in (("accepted", 11), ("best", 11), ("calls", 5), ("tokens", 9), ("USD", 9)):
        table.add_column(column, justify="right", overflow="fold", width=width)
    for row in yields:
        rate = f"{row.valid} of {row.asked}, {row.valid / row.asked:.0%}" if row.asked else "-"
        best = f"{row.best} {number(row.best_fitness)}" if row.best_fitness is not None else "-"
        table.add_row(
            row.name,
            rate,
            best,
            str(row.spent.calls),
            _tokens(row.spent),
            dollars(row.spent.cost_usd, row.spent.known_cost_usd),
        )
    return table


def spent_lines(found: Spending) -> list[str]:
    """The sum, and what is not known of it."""
    total = found.total
    lines = [
        f"{total.calls} calls, {total.failed} without a reply; {_tokens(total)} tokens; "
        f"{dollars(total.cost_usd, total.known_cost_usd)} USD; the run took {found.wall_s:.0f} s"
    ]
    if total.unpriced:
        lines.append(f"the price of {total.unpriced} replies is unknown")
    if total.uncounted:
        lines.append(f"the tokens of {total.uncounted} replies are unknown")
    if found.possibly_paid:
        lines.append(f"possibly paid without a reply: {', '.join(found.possibly_paid)}")
    return lines


def dollars(cost_usd: float | None, known_usd: float) -> str:
    """The cost, or "unknown", with the part that is known where there is one."""
    if cost_usd is not None:
        return f"{cost_usd:.4f}"
    return f"unknown, over {known_usd:.4f}" if known_usd else "unknown"


def _tokens(spent: Spent) -> str:
    if spent.uncounted:
        return f"over {spent.tokens:,}" if spent.tokens else "unknown"
    return f"{spent.tokens:,}"


def _measure_words(run: RunRecord) -> str:
    unit = f", {run.task.fitness.unit}" if run.task.fitness.unit else ""
    return f"{run.task.fitness.name}{unit}"
