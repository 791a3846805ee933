"""Numbers, scores and events in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from rewardsmith.commands import KINDS
from rewardsmith.records import Candidate, Event, Score
from rewardsmith.report import number

_SHOWN_TERMS = 4
_SEEDS = {
    "training": ("selection", "final", "report"),
    "episode": ("selection_episodes", "final_episodes", "report_episodes"),
}


def scored(score: Score) -> str:
    """`4.2 [3.9, 4.5]`; marked: a single training seed (*) and a training that was cut (+).

    The interval of a single seed is of its episodes only; who was cut could have come further.
    """
    single = score.n_seeds == 1 and score.kind == "scalar"
    mark = ("*" if single else "") + ("+" if score.done < 1 else "")
    return f"{number(score.value)} [{number(score.low)}, {number(score.high)}]{mark}"


def shares(candidate: Candidate) -> str:
    """Each term's share of the reward at the end of training, the largest first."""
    trainings = [training for training in candidate.trainings if training.terms]
    if not trainings:
        return ""
    terms = sorted(trainings[0].terms, key=lambda term: -term.share)
    text = ", ".join(f"{term.name} {term.share:.0%}" for term in terms[:_SHOWN_TERMS])
    return text + (", ..." if len(terms) > _SHOWN_TERMS else "")


def describe_event(event: Event) -> list[str]:
    """The lines that an event is worth; [] for one that the tables tell better."""
    tell = _TOLD.get(event.event)
    return tell(event) if tell else []


def _proposing(event: Event) -> list[str]:
    count = event.data["count"]
    if event.data.get("kind") == "tune":
        return [f"generation {event.data['generation']}: tuning, {count} sets of numbers"]
    rewards = "1 reward" if count == 1 else f"{count} rewards"
    return [f"generation {event.data['generation']}: asking for {rewards}"]


def _not_tuned(event: Event) -> list[str]:
    return ["nothing to tune: the best reward has no numbers in PARAMS"]


def _repaired(event: Event) -> list[str]:
    why = " ".join(event.message.split())
    return [f"  {event.candidate} refused and sent back to be mended: {why}"]


def _appraised(event: Event) -> list[str]:
    found = _warnings(event.data, "exploit")
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    return [f"  {event.candidate} can be exploited: {text}{more}" for text in found[:1]]


def _generation(event: Event) -> list[str]:
    score = event.data.get("score")
    best = f"{event.candidate} {number(score['value'])}" if isinstance(score, dict) else "none"
    return [f"generation {event.data['generation']} done; best so far: {best}"]


def _all_failed(event: Event) -> list[str]:
    return [f"all candidates failed: {event.message}"]


def _finals(event: Event) -> list[str]:
    finalists = ", ".join(str(name) for name in _list(event.data["finalists"]))
    return [f"finals: {finalists}, on seeds of their own"]


def _report(event: Event) -> list[str]:
    beside = ", ".join(str(name) for name in _list(event.data["of"]))
    return [f"report: {event.candidate} beside {beside}, on held-out seeds"]


def _arm(event: Event) -> list[str]:
    return [
        f"arm best-of-n: as many rewards, none of which learns from another: {event.data['run']}"
    ]


def _command(event: Event) -> list[str]:
    return [f"command: {event.event} {event.message}".rstrip()]


def _diverged(event: Event) -> list[str]:
    lines = str(event.data["difference"]).splitlines()
    return [f"the request of {event.message} is not the recorded one:", *lines]


def _replayed(event: Event) -> list[str]:
    return [f"replay: {event.message}"]


def _video(event: Event) -> list[str]:
    if event.message:
        return [f"  no video of {event.candidate} ({event.data['shows']}): {event.message}"]
    shown: Any = event.data["video"]
    return [f"  video of {event.candidate} ({event.data['shows']}), "
            f"fitness {number(shown['fitness'])}: {event.data['file']}"]  # fmt: skip


def _unfilmed(event: Event) -> list[str]:
    return [f"  raters will see no film of {event.message}"]


def _waiting(event: Event) -> list[str]:
    return [f"  waiting for an answer to {event.data['prompt']}"]


def _asking(event: Event) -> list[str]:
    data: dict[str, Any] = event.data
    have = f"{data['votes']} of {data['wanted']} votes on generation {data['generation']}"
    return [f"  {have}; vote with: {data['command']}"]


def _deadline(event: Event) -> list[str]:
    data: dict[str, Any] = event.data
    return [f"  deadline: {data['votes']} of {data['wanted']} votes came; going on"]


def _opinion(event: Event) -> list[str]:
    data: dict[str, Any] = event.data
    rates = [f"{s['arm']} {s['win_rate']['value']:.0%}" for s in _list(data["standings"])]
    lines = [f"  raters prefer: {', '.join(rates)} (win rate against the references)"]
    if data["cycle"]:
        circle = " > ".join([*data["cycle"], data["cycle"][0]])
        lines.append(f"  warning: raters went in a circle, there may be no best: {circle}")
    return lines


def _forecast(event: Event) -> list[str]:
    return [f"forecast: {line}" for line in _list(event.data["lines"])]


def _launch(event: Event) -> list[str]:
    data: dict[str, Any] = event.data
    fitness = data["fitness"]
    unit = f" [{fitness['unit']}]" if fitness["unit"] else ""
    seeds = data["seeds"]
    lines = [
        f"fitness: {fitness['name']} = {fitness['expression']}{unit}; {fitness['why']}",
        *([] if data["proposer"] == "none" else [f"proposer: {data['proposer']}"]),
    ]
    if fitness["unread"]:
        lines.insert(1, f"not measured by this fitness: {', '.join(fitness['unread'])}")
    lines += [f"notice: {notice}" for notice in data["notices"]]
    if data["possibly_paid"]:
        lines.append(f"possibly paid without a reply: {', '.join(data['possibly_paid'])}")
    for what, names in _SEEDS.items():
        parts = [f"{name.partition('_')[0]} {_seeds(seeds[name])}" for name in names if seeds[name]]
        # Where nothing is selected, there is but one kind.
        said = ", ".join(parts) if seeds["selection"] else _seeds(seeds[names[-1]])
        lines.append(f"{what} seeds: {said}")
    return [*lines, f"run: {data['run_dir']}"]


def _checked(event: Event) -> list[str]:
    refused = f", refused: {event.message}" if event.message else ""
    warned = [f"    warning: {text}" for text in _warnings(event.data)]
    return [f"  {event.candidate} checked{refused}", *warned]


def _warnings(data: dict[str, Any], rule: str = "") -> list[str]:
    """The messages of the warnings among the findings, or of those by one rule."""
    return [
        " ".join(str(finding["message"]).split())
        for finding in _list(data["findings"])
        if finding["severity"] == "warning" and rule in ("", finding["rule"])
    ]


def _training(event: Event) -> list[str]:
    data = event.data
    if event.message:
        return [f"  {data['training']} failed: {event.message}"]
    done = float(str(data["done"]))
    so_far = f" at {done:.0%} of its training" if done < 1 else ""
    if event.event == "evaluated":
        return [f"  {data['training']} fitness {number(float(str(data['fitness'])))}{so_far}"]
    return [f"  {data['training']} trained in {float(str(data['wall_s'])):.0f} s{so_far}"]


def _seeds(seeds: Any) -> str:
    numbers = _list(seeds)
    if len(numbers) > 1 and numbers == list(range(numbers[0], numbers[-1] + 1)):
        return f"{numbers[0]}-{numbers[-1]}"
    return ",".join(map(str, numbers))


def _list(value: object) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else []


_TOLD: Mapping[str, Callable[[Event], list[str]]] = {
    "launch": _launch,
    "forecast": _forecast,
    "proposing": _proposing,
    "not-tuned": _not_tuned,
    "repaired": _repaired,
    "checked": _checked,
    "appraised": _appraised,
    "trained": _training,
    "evaluated": _training,
    "generation": _generation,
    "all-failed": _all_failed,
    "finals": _finals,
    "arm": _arm,
    "report": _report,
    "waiting": _waiting,
    "asking": _asking,
    "deadline": _deadline,
    "opinion": _opinion,
    "video": _video,
    "unfilmed": _unfilmed,
    "diverged": _diverged,
    "replayed": _replayed,
    **dict.fromkeys(KINDS, _command),
}
