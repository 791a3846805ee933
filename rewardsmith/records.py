"""The records that cross modules: frozen, checked, each with its own id. None holds an array."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Record(BaseModel):
    """A frozen record: unknown fields are refused, a change is `model_copy(update=...)`."""

    # Infinity stays itself in JSON: as null, a record could not be read again.
    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="constants")


# --- tasks ---------------------------------------------------------------------------------------


class Space(Record):
    """An observation or action space: a flat Box of `size` numbers, or `n` discrete choices."""

    kind: Literal["box", "discrete"]
    size: int = 0
    """Numbers per row of a Box, after flattening; 0 for a discrete space."""
    n: int = 0
    """Choices of a discrete space; 0 for a Box."""
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()


class Variable(Record):
    """A named quantity that rewards and fitness expressions may read."""

    name: str
    kind: Literal["state", "transition"]
    """`state`: defined at reset, in state and next_state. `transition`: in next_state only."""
    source: str
    """Where from: `qpos[1]`, `qvel[3:]`, `obs[0:3]`, `body:foot.xpos[2]`, `info:key`, `py:f`."""
    shape: tuple[int, ...] = ()
    """Shape of one row; () for a scalar."""
    unit: str = ""
    meaning: str = ""
    seen: tuple[float, float] | None = None
    """The least and the greatest value of any component that a random policy met."""


VOTED = "preference"
"""Name of the fitness that measures nothing and leaves all to raters."""


class Fitness(Record):
    """How success is measured, and why this way was chosen."""

    name: str
    """The declared task's name, "native", "expression" or "preference"."""
    expression: str
    """In the language of expressions.py; "native_return" for the environment's own return."""
    unit: str = ""
    direction: Literal["maximize", "minimize"] = "maximize"
    why: str = ""
    solved: float | None = None
    unread: tuple[str, ...] = ()
    """Words of the sentence that this fitness does not measure; shown to the user."""

    @property
    def voted(self) -> bool:
        """Whether raters alone decide: every episode then counts the same."""
        return self.name == VOTED


class Budget(Record):
    """Per-environment training defaults."""

    timesteps: int = 100_000
    n_envs: int = 8
    episodes: int = 10
    """Evaluation episodes per trained policy."""
    first_cut: int = 0
    """Steps before which no training is stopped for being behind; 0 leaves it to rungs.py."""


class TaskSpec(Record):
    """One environment, described once for every engine, with the task that was asked of it."""

    env: str
    """A Gymnasium id, or `module:callable` / `file.py:callable` returning an environment."""
    env_kwargs: dict[str, bool | int | float | str] = {}
    sentence: str
    fitness: Fitness
    variables: tuple[Variable, ...]
    observation: Space
    action: Space
    dt_s: float | None = None
    """Seconds per step; None where the environment does not say."""
    max_episode_steps: int | None = None
    never_ends_early: bool = False
    """Whether nothing but the time limit ends an episode; False where that is not known."""
    about: str = ""
    """What the environment is, in words; never a word about its own reward."""
    action_text: str = ""
    episode_end: str = ""
    """How episodes end, in words."""
    folder: str = ""
    """Name of the folder under envs/, or "" where the variables were discovered."""
    budget: Budget = Budget()
    hyperparams: dict[str, dict[str, float | int | str | bool]] = {}
    """Preset by algorithm: {"ppo": {"learning_rate": 3e-4, ...}}."""
    opposite: str = ""
    """Name of the task that asks for the opposite, where one is declared."""


# --- rewards and verdicts ------------------------------------------------------------------------

Argument = Literal[
    "state", "next_state", "obs", "next_obs", "action", "prev_action", "terminated", "t"
]


class Column(Record):
    """One input array of a reward: `state.x_velocity`, `action`, ..."""

    argument: Argument
    name: str = ""
    """The variable's name, for state and next_state; "" for the others."""
    shape: tuple[int, ...] = ()
    """Shape of one row."""
    dtype: Literal["float64", "int64", "bool"] = "float64"


class CheckedReward(Record):
    """A reward that passed the critic, with all that a worker needs to run it."""

    code: str
    arguments: tuple[str, ...]
    """The parameters of compute_reward, in the order of its signature."""
    columns: tuple[Column, ...]
    """Exactly the arrays that the code reads."""
    terms: tuple[str, ...]
    params: dict[str, float]


class Layer(Record):
    """One layer of the jail and whether it holds on this machine."""

    name: str
    active: bool
    detail: str = ""


class Finding(Record):
    """One thing the critic has to say, in words a model can act on."""

    rule: str
    line: int | None = None
    message: str
    severity: Literal["error", "warning"] = "error"


class Concern(Record):
    """What a reviewing model holds against a reward. A claim, until a probe confirms it."""

    kind: Literal["sign", "other"]
    """`sign`: that `term` moves the wrong way with `variable`, which can be tried."""
    quote: str = ""
    """The line of the code that it is about."""
    why: str
    term: str = ""
    variable: str = ""
    should: Literal["rise", "fall", ""] = ""
    """How the term should move when the variable grows."""


class Screen(Record):
    """How far a reward agrees with the episodes that a run has seen; see critic/screens.py."""

    name: Literal["alignment", "contrast"]
    accuracy: float | None = None
    """Share of pairs of episodes that it orders rightly, 0..1; None where that says nothing."""
    pairs: int = 0
    why: str = ""
    """Why it says nothing."""
    example: str = ""
    """The pair that is ordered most wrongly."""


class Verdict(Record):
    """What the critic found: `ok` when no finding is an error."""

    ok: bool
    findings: tuple[Finding, ...] = ()
    screens: tuple[Screen, ...] = ()
    layers: tuple[Layer, ...] = ()
    reward: CheckedReward | None = None
    fingerprint: str = ""
    """Of what a sound reward pays on the run's probe transitions; see critic/novelty.py."""
    shape: str = ""
    """The same, without what a training does not notice: a factor, or where no episode ends early
    a constant. "" where that can not be said."""
    wall_s: float = 0.0

    @property
    def errors(self) -> tuple[str, ...]:
        """What is wrong, each with its line."""
        return self._said("error")

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is worth knowing, each with its line."""
        return self._said("warning")

    def _said(self, severity: str) -> tuple[str, ...]:
        found = [finding for finding in self.findings if finding.severity == severity]
        return tuple(f"line {f.line}: {f.message}" if f.line else f.message for f in found)


# --- training, scores, candidates ----------------------------------------------------------------


class Failure(Record):
    """Why a candidate (or one of its trainings) did not survive."""

    stage: Literal["propose", "check", "train", "evaluate"]
    cause: str
    """Short kind: "syntax", "rules", "probe", "timeout", "crash", "nonfinite", "diverged", ..."""
    for_llm: str
    for_human: str


class TermStats(Record):
    """One reward term over training: per-step means at up to ten points, and its weight."""

    name: str
    points: tuple[float, ...]
    """Mean per step in each tenth of training."""
    mean: float
    minimum: float
    maximum: float
    share: float
    """Its part of sum(|mean of term|) over the last tenth of training, 0..1."""


class Curve(Record):
    """What training looked like at up to ten points, all tuples of one length."""

    timesteps: tuple[int, ...]
    episode_length: tuple[float | None, ...]
    reward_return: tuple[float | None, ...]
    """Mean return per training episode under the reward that was trained on."""
    fitness: tuple[float | None, ...]
    """Mean fitness of the training episodes that ended in that tenth."""


class Episodes(Record):
    """Deterministic evaluation of one policy on one set of episode seeds."""

    seeds: tuple[int, ...]
    fitness: tuple[float, ...]
    native_return: tuple[float, ...]
    length: tuple[int, ...]
    terminated: tuple[bool, ...]


Purpose = Literal["selection", "final", "report"]
"""What a training's seeds are for: to choose finalists, the best of them, and to report on it."""


class Rung(Record):
    """How a training was measured when it stood at so many steps, before it went on."""

    timesteps: int
    episodes: Episodes


class Training(Record):
    """One policy trained on one reward with one seed, and how it was measured."""

    id: str
    """`<candidate>/<purpose>-<seed>`, such as `r01c03/selection-0`."""
    seed: int
    purpose: Purpose
    timesteps: int
    planned: int = 0
    """Steps of the whole training: more than `timesteps` where it stopped at a rung."""
    wall_s: float = 0.0
    folder: str = ""
    """Relative to the run's folder; holds policy.safetensors, last.safetensors, result.json."""
    curve: Curve | None = None
    terms: tuple[TermStats, ...] = ()
    peak_timestep: int | None = None
    """When the kept checkpoint was taken: the peak of the policy's own smoothed return."""
    episodes: Episodes | None = None
    rungs: tuple[Rung, ...] = ()
    """The earlier measurements of a training that went on, in order."""
    failure: Failure | None = None

    @property
    def done(self) -> float:
        """The part of the planned steps that was made, at most 1."""
        return min(1.0, self.timesteps / self.planned) if self.planned else 1.0


class Video(Record):
    """A film of one episode, an mp4 with a poster beside it."""

    shows: Literal["best", "last", "clip"]
    """`best`: the policy that was kept, from the peak of training. `last`: at training's end; both
    lie under that name in the candidate's folder. `clip`: a stored episode, in the folder `clips`.
    """
    seed: int
    """Of the episode."""
    fitness: float
    """Of what is shown."""
    steps: int
    whole: bool
    """Whether it shows the episode to its end."""
    terminated: bool
    """Whether the episode ended by failure or success, not by its time limit."""
    frames: int
    frames_per_s: float
    width: int
    height: int


class Score(Record):
    """A fitness with its interval. `n_seeds` counts training seeds."""

    kind: Literal["scalar", "preference"] = "scalar"
    value: float
    low: float
    high: float
    n_seeds: int
    """With 1 the interval covers evaluation episodes only, not the noise of training."""
    reference: str = ""
    """What a preference score is relative to; "" for a scalar."""
    done: float = 1.0
    """The part of the planned training after which it was measured: below 1 where it was cut."""


class Stage(StrEnum):
    """How far a candidate has come."""

    PROPOSED = "proposed"
    CHECKED = "checked"
    TRAINED = "trained"
    """Of runs that were stored before trainings and evaluations alternated."""
    EVALUATED = "evaluated"
    FAILED = "failed"


Operator = Literal["init", "first", "mutate", "cross", "splice", "tune"]
"""How a candidate comes about. `init`: the user brought it. `first`: asked for without parents.
`mutate`, `cross`: by the proposer from one parent, or two. `splice`: terms of two parents put
together without the proposer. `tune`: a parent's code with other numbers in PARAMS."""


class Candidate(Record):
    """A reward and all that happened to it. A candidate that failed has no score, so cannot win."""

    id: str
    """`r01c03`: generation 1, candidate 3."""
    generation: int
    index: int
    stage: Stage = Stage.PROPOSED
    parents: tuple[str, ...] = ()
    origin: str = ""
    """What made it: "llm:first", "llm:evolve", "grammar:seed", "grammar:mutate", "init:file.py"."""
    strategy: str = ""
    """What decided operator and parents: a strategy, or a tuner; "" in runs from before it stood
    here, as with the operator."""
    operator: Operator | Literal[""] = ""
    island: int | None = None
    """Where the strategy keeps several populations: the one it was made for."""
    prompt_hash: str = ""
    code: str = ""
    repairs: int = 0
    verdict: Verdict | None = None
    trainings: tuple[Training, ...] = ()
    score: Score | None = None
    """On the selection seeds."""
    final: Score | None = None
    """On the finalists' seeds, which choose the best."""
    preference: Score | None = None
    """What raters make of it, where they are asked: then it decides, and not `score`."""
    report: Score | None = None
    """On held-out seeds that chose nothing; the best only."""
    summary: str = ""
    """The text that the next prompt holds."""
    conduct: str = ""
    """What its policy does, in the words of a model that read an episode, where that is wanted."""
    feedback: str = ""
    """What its reward pays for the run's episodes, where the strategy wants that to be told."""
    failure: Failure | None = None

    @property
    def whole_code(self) -> str:
        """The code with the helpers that it calls: a file that stands on its own."""
        return self.verdict.reward.code if self.verdict and self.verdict.reward else self.code


class Generation(Record):
    """One committed round."""

    index: int
    kind: Literal["search", "tune"] = "search"
    """`tune`: the best reward again with other numbers, see tuning/."""
    candidates: tuple[str, ...]
    best: str | None
    """Best candidate of the whole run so far."""
    attempts: int = 1
    lessons: str = ""
    """What the generations up to this one have taught, for the next prompts."""
    votes: int = 0
    """How many votes the run had by then."""
    diversity: float | None = None
    """Mean distance, 0..1, between its rewards; see distance.py. None for fewer than two."""


class Distance(Record):
    """How far a candidate's reward lies from another one, 0..1; see distance.py."""

    candidate: str
    value: float


class Baseline(Record):
    """An arm beside the search: what the same steps bring without it, measured like the best."""

    name: str = "native"
    """See arms.py."""
    reward: CheckedReward | None = None
    """The user's own; None pays what `pays` says."""
    pays: Literal["native", "fitness"] = "native"
    """The environment's own reward, or an episode's fitness at its end and nothing before."""
    timesteps: int | None = None
    """Steps of each policy; None for as many as a candidate has."""
    policies: int = 0
    """Of so many policies the best at selection is reported; 0 reports one a report seed."""
    trainings: tuple[Training, ...] = ()
    report: Score | None = None
    failure: Failure | None = None
    distances: tuple[Distance, ...] = ()
    """Of the candidates' rewards from the environment's own. They stand here, and not with the
    candidates, because a candidate's record is what prompts are made of."""


class RunStatus(StrEnum):
    """Where a run stands."""

    RUNNING = "running"
    DONE = "done"
    PAUSED = "paused"
    LIMIT = "limit"
    NO_SURVIVOR = "no-survivor"
    CANCELLED = "cancelled"
    FAILED = "failed"


class Event(Record):
    """Something that happened, for a progress display or `--json`."""

    event: str
    candidate: str = ""
    message: str = ""
    data: dict[str, object] = Field(default_factory=dict)
