"""Voting in a terminal: what each policy did, in words, and one key for an answer."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rewardsmith.cli import flags

if TYPE_CHECKING:
    from rewardsmith.opinion import Opinion
    from rewardsmith.rollouts import Rollout
    from rewardsmith.store import RunRecord, Store
    from rewardsmith.votes import Clip, Question, Vote

_PAIR = {"l": "left", "r": "right", "t": "tie", "c": "cannot-tell"}
_OTHER = "c cannot tell, u undo, q quit"


def feedback(
    run: Annotated[str, typer.Argument(metavar="RUN")] = "last",
    rater: Annotated[
        str, typer.Option(help="Your name, or simulated:beta=3, which answers at once.")
    ] = "",
    show_numbers: Annotated[
        bool, typer.Option("--show-numbers", help="Show names and fitness too.")
    ] = False,
    results: Annotated[
        bool, typer.Option("--results", help="What the votes say so far; ask nothing.")
    ] = False,
    runs_dir: flags.RunsDir = Path("runs"),
    json: flags.Json = False,
) -> None:
    """Say which policies of RUN are better, as many as it waits for; each answer is stored."""
    from rewardsmith.errors import UserError
    from rewardsmith.raters import PREFIX
    from rewardsmith.store import Store

    if json and not results:
        raise UserError("--json is for --results")
    store = Store(runs_dir, create=False)
    record = store.run(run)
    if record.config.feedback.mode == "off":
        raise UserError(f"{record.id} asks nobody: start a run with --feedback pair")
    if results:
        _show_results(store, record, json=json)
    elif rater.startswith(f"{PREFIX}:") or rater == PREFIX:
        from rewardsmith import feedback as panel
        from rewardsmith import judges, raters

        judge = judges.SimulatedJudge(raters.parse(rater), record.task)
        typer.echo(f"{panel.ask_judges(store, record, [judge])} votes by {rater}")
    else:
        _Booth(store, record, rater or getpass.getuser(), numbers=show_numbers).open()


class _Booth:
    """One person's questions and answers, until nothing is waited for."""

    def __init__(self, store: Store, run: RunRecord, rater: str, *, numbers: bool) -> None:
        self._store, self._run, self._rater, self._numbers = store, run, rater, numbers
        self._given: list[Vote] = []

    def open(self) -> None:
        """Ask until the generation has its votes, or the rater quits."""
        while self._asked() and self._taken_back():
            pass

    def _asked(self) -> bool:
        """Ask as long as answers are wanted; whether they all came."""
        from rewardsmith import entrants, votes

        while (now := entrants.waiting(self._store, self._run)) and now.missing:
            question = entrants.question_for(self._store, self._run, now.generation, self._rater)
            if question is None:
                typer.echo("there is nothing more to ask you")
                return True
            typer.echo(f"\ngeneration {now.generation}: {now.missing} more answers wanted")
            self._show(question)
            answer = self._answer(question)
            if answer is None:
                return False
            if answer == "undo":
                self._undo(votes.undo)
                continue
            self._store.add_vote(self._run.id, answer)
            self._given.append(answer)
            typer.echo("stored")
        typer.echo("the run waits for no votes now")
        return True

    def _taken_back(self) -> bool:
        """Whether the rater takes the last answer back: it is the one that nobody can ask about."""
        from rewardsmith import votes

        if not self._given or _ask("Enter leaves, u undo your last answer", "uq", "q") != "u":
            return False
        self._undo(votes.undo)
        return True

    def _undo(self, undo: Any) -> None:
        if not self._given:
            typer.echo("nothing to undo")
            return
        self._store.add_vote(self._run.id, undo(self._given.pop()))
        typer.echo("the last answer no longer counts")

    def _show(self, question: Question) -> None:
        from rewardsmith import entrants

        episodes = entrants.episodes(self._store, self._run)
        for place, clip in enumerate(question.shown):
            name = _names(question)[place]
            if self._numbers:
                fitness = f", fitness {episodes[clip.id].fitness:.4g}"
                name += f" = {clip.id}" + ("" if self._run.task.fitness.voted else fitness)
            typer.echo(f"\n--- {name} ---")
            for line in self._lines(clip, episodes[clip.id]):
                typer.echo(f"  {line}")

    def _lines(self, clip: Clip, episode: Rollout) -> list[str]:
        from rewardsmith.retell import told

        candidates = {c.id: c for c in self._store.candidates(self._run.id)}
        found = candidates.get(clip.arm)
        lines = told(episode, found, self._run.task)
        if found:
            video = self._store.folder(self._run.id) / found.folder / "best.mp4"
            lines += [f"video of the policy: {video}"] if video.exists() else []
        return lines

    def _answer(self, question: Question) -> Any:
        """A vote, "undo", or None: the rater has had enough."""
        from rewardsmith.votes import Vote

        said: dict[str, Any] = {"rater": self._rater, "question": question}
        if question.kind != "remark":
            chosen = self._choose(question)
            if chosen is None or chosen == "undo":
                return chosen
            said |= chosen
            if said.get("choice") in (None, "left", "right"):
                strength = _ask("how clearly? 1 slightly, 2 clearly, 3 by far", "123", "2")
                said["strength"] = int(strength or 2)
        said["see"] = _text("what do you see? (Enter for nothing)")
        said["change"] = _text("what should change? (Enter for nothing)")
        if question.kind == "remark" and not said["see"].strip() + said["change"].strip():
            return None
        return Vote.model_validate(said)

    def _choose(self, question: Question) -> Any:
        if question.kind == "pair":
            key = _ask(f"better: l left, r right, t tie, {_OTHER}", "lrtcuq")
            return _special(key) if key in (None, "u", "q") else {"choice": _PAIR[key]}
        places = "".join(str(place + 1) for place in range(len(question.shown)))
        best = _ask(f"best: 1-{places[-1]}, {_OTHER}", places + "cuq")
        if best in (None, "u", "q"):
            return _special(best)
        if best == "c":
            return {"choice": "cannot-tell"}
        worst = _ask("worst", places.replace(best, ""))
        return None if worst is None else {"best": int(best) - 1, "worst": int(worst) - 1}


def _special(key: str | None) -> str | None:
    return "undo" if key == "u" else None


def _names(question: Question) -> list[str]:
    if question.kind == "pair":
        return ["left", "right"]
    return [str(place + 1) for place in range(len(question.shown))]


def _ask(prompt: str, keys: str, default: str = "") -> str | None:
    """One of the keys; None where the input has ended."""
    while (text := _read(f"{prompt}: ")) is not None:
        key = text.strip().lower()[:1] or default
        if key and key in keys:
            return key
        typer.echo(f"one of {', '.join(keys)}")
    return None


def _text(prompt: str) -> str:
    return _read(f"{prompt}: ") or ""


def _read(prompt: str) -> str | None:
    try:
        return input(prompt)
    except EOFError:
        return None


def _show_results(store: Store, run: RunRecord, *, json: bool) -> None:
    from rich.console import Console

    from rewardsmith import entrants, opinion, votes
    from rewardsmith.cli.tables import NO_JAIL

    found = opinion.opinion(votes.standing(store.votes(run.id)), entrants.entrants(store, run))
    if json:
        typer.echo(found.model_dump_json())
        return
    if run.config.unsafe_no_jail:
        Console().print(NO_JAIL)
    for line in _words(found):
        typer.echo(line)


def _words(found: Opinion) -> list[str]:
    lines = []
    for entry in found.standings:
        rate = entry.win_rate
        lines.append(f"{entry.arm:<12} {rate.value:>4.0%} [{rate.low:.0%}, {rate.high:.0%}]")
    lines.append(f"win rate against {found.standings[0].win_rate.reference}" if lines else "")
    for trust in found.raters:
        words = f"{trust.rater}: {trust.votes} votes"
        if trust.reliability is not None:
            words += f", reliability {trust.reliability:.2f}"
        if trust.with_people:
            same = trust.with_people
            words += f", agrees with people in {same.same} of {same.of}"
            words += f" [{same.low:.0%}, {same.high:.0%}]"
        lines.append(words)
    if found.cycle:
        circle = " > ".join([*found.cycle, found.cycle[0]])
        lines.append(f"warning: raters went in a circle, there may be no best: {circle}")
    return lines
