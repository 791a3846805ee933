"""The settings of a run: what there is to choose, and the defaults."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field

from rewardsmith.records import Record, TaskSpec


class Settings(Record):
    """A table of settings; the text below each stands beside it in a settings file."""

    model_config = ConfigDict(use_attribute_docstrings=True)


def _several(names: Any) -> Any:
    """One name stands for a list of one."""
    return ((names,) if names else ()) if isinstance(names, str) else names


class SearchConfig(Settings):
    """How wide and how long to search."""

    strategy: Literal["eureka", "islands", "card", "best-of-n"] = "eureka"
    """`eureka`: greedy, from the best so far. `islands`: several populations, mutation and
    crossover (REvolve). `card`: one chain, with feedback from episodes. `best-of-n`: no iteration.
    """
    islands: int = Field(2, ge=1)
    """Populations of the strategy `islands`."""
    iterations: int = Field(2, ge=1)
    """Generations."""
    samples: int = Field(4, ge=1)
    """Candidates per generation."""
    seeds: int = Field(1, ge=1, le=100)
    """Training seeds per candidate."""
    rungs: bool = True
    """Stop a training early that is clearly behind the others of its generation."""
    finalists: int = Field(4, ge=1)
    """How many of the best are trained again, on seeds that choose the best of them."""
    final_seeds: int = Field(10, ge=1, le=100)
    """Training seeds per finalist."""
    report_seeds: int = Field(10, ge=1, le=100)
    """Training seeds of the best and of the native reward, which choose nothing."""
    repairs: int = Field(2, ge=0)
    """How often one broken candidate goes back to the proposer."""
    retries: int = Field(2, ge=0)
    """How often a generation in which all failed is tried again."""
    stop_when: Literal["", "solved", "plateau"] = ""
    """End early: when the task's threshold is reached, or when a generation brought nothing."""
    arms: bool = False
    """Measure beside the search what the same steps bring without it; see arms.py."""
    native: bool = True
    """Train the environment's own reward beside the finalists."""


class TuneConfig(Settings):
    """Whether the numbers of the best reward are tuned after the search, without the proposer."""

    method: Literal["", "cmaes", "tpe"] = ""
    """`cmaes`: CMA-ES. `tpe`: optuna's tree-structured Parzen estimator. "" does not tune."""
    generations: int = Field(4, ge=1)
    """Generations that tune, after those of the search."""
    samples: int = Field(8, ge=2)
    """Candidates per generation: the best code, each with other numbers in PARAMS."""

    @property
    def candidates(self) -> int:
        """How many candidates tuning makes."""
        return self.generations * self.samples if self.method else 0


class TrainConfig(Settings):
    """How policies are trained."""

    algo: Literal["ppo", "sac"] = "ppo"
    """`sac` needs continuous, bounded actions, and learns in stable-baselines3."""
    backend: Literal["auto", "population", "sb3"] = "auto"
    """`population`: a generation learns in one batch, PPO only. `sb3`: one process a policy."""
    device: Literal["cpu", "cuda"] = "cpu"
    """Where the networks of a population learn; the physics stays on the CPU."""
    warm_start: Literal["off", "parent"] = "off"
    """`parent`: in the search a policy goes on from the weights of its candidate's first parent
    (Eureka's curriculum); finalists and the best are trained from scratch all the same."""
    timesteps: int | None = Field(None, ge=1)
    """Environment steps per policy; unset takes the environment's budget."""
    n_envs: int | None = Field(None, ge=1)
    """Copies of the environment that a policy learns in."""
    episodes: int | None = Field(None, ge=1)
    """Evaluation episodes per policy."""
    hyperparams: dict[str, bool | int | float | str] = {}
    """Of the algorithm, such as {gamma = 0.98}, over those that the environment's folder gives."""
    max_workers: int | None = Field(None, ge=1)
    """Trainings at once; unset takes one a core."""
    timeout_s: float = Field(7200.0, gt=0)
    """A training that takes longer is ended: that candidate failed."""
    stall_s: float = Field(180.0, gt=0)
    """A training that reports nothing for so long is ended: that candidate failed."""
    checkpoint_s: float = Field(30.0, ge=0)
    """Seconds between two checkpoints of a training, from which a resumed run goes on."""

    def steps_of(self, task: TaskSpec) -> int:
        """Environment steps of a whole training in `task`."""
        return self.timesteps or task.budget.timesteps

    def episodes_of(self, task: TaskSpec) -> int:
        """How many episodes measure a policy in `task`."""
        return self.episodes or task.budget.episodes


class ModelConfig(Settings):
    """Who proposes rewards."""

    proposer: Literal["auto", "llm", "grammar"] = "auto"
    """`auto`: the model when one is configured, else the offline baseline."""
    names: Annotated[tuple[str, ...], BeforeValidator(_several)] = ()
    """litellm model strings, or names that an OpenAI-compatible server knows; several take turns.
    """
    api_base: str = ""
    """An OpenAI-compatible server; empty for the provider's own."""
    local_only: bool = False
    """Refuse every model beyond this machine: nothing of the task leaves it."""
    prompts: str = ""
    """A folder with prompts of yours, see `rewardsmith prompts eject`."""
    review: bool = False
    """A second prompt reads every sound reward against the task before it is trained."""
    reflect: bool = False
    """After each generation a model writes down what it taught, for the next prompts."""
    describe: bool = False
    """A model reads an episode of each parent and says what its policy does, for the prompts."""
    temperature: float = Field(1.0, ge=0, le=2)
    """How much replies to the same prompt differ: 0 hardly, 2 very much."""
    max_tokens: int = Field(4096, ge=64)
    """Of one reply; one that is cut off is asked for again with twice as many."""
    effort: Literal["", "minimal", "low", "medium", "high"] = ""
    """How long a reasoning model is to think; "" leaves it to the model."""
    concurrency: int = Field(4, ge=1)
    """Requests in flight at one endpoint."""
    together: bool = False
    """Equal requests are sent as one that asks for several replies: the prompt is paid once.

    A kill may then lose all of them. What a server does not give is asked for one by one.
    """
    timeout_s: float = Field(120.0, gt=0)
    """Seconds after which a request without a reply is given up, and tried again."""


class FeedbackConfig(Settings):
    """Whom a search asks which policy is better."""

    mode: Literal["off", "pair", "best-worst", "text"] = "off"
    """`pair` and `best-worst` decide who is selected; `text` only tells the proposer."""
    votes: int | None = Field(None, ge=1)
    """Answers a generation waits for; unset: 10 pairs, 2 times best and worst, or 1 text."""
    shown: int = Field(6, ge=3, le=12)
    """Policies in a question for the best and the worst."""
    deadline_s: float | None = Field(None, ge=0)
    """Seconds after which a generation waits no longer; counted anew after a resume."""
    raters: Annotated[tuple[str, ...], BeforeValidator(_several)] = ()
    """Synthetic raters that answer at once, such as `simulated:beta=3,mistake=0.05`."""
    judge: Literal["", "model"] = ""
    """`model`: the proposing model votes too, under a name of its own."""
    frames: int | None = Field(None, ge=0, le=16)
    """Pictures of each policy that the model is shown beside its numbers; unset: 6 where it is
    known to see, and films can be made."""

    @property
    def decides(self) -> bool:
        """Whether the answers choose who is selected."""
        return self.mode in ("pair", "best-worst")


class VideoConfig(Settings):
    """Films of what policies do, where the extra [video] is installed."""

    finalists: bool = True
    """Film the finalists at the end of a run."""
    seconds: float = Field(8.0, gt=0, le=120)
    """Of the environment's time that a film shows, at most."""
    width: int = Field(480, ge=64, le=1920)
    """Pixels."""
    height: int = Field(360, ge=64, le=1080)
    """Pixels."""


class ReplayConfig(Settings):
    """A recorded search that is to be executed again."""

    source: str = ""
    """A run's folder, or a file made by `export --cassette`; "" asks a model."""
    retrain: bool = False
    """Train again instead of taking the recorded results."""


class LimitConfig(Settings):
    """Where a run stops by itself; it can be resumed with a higher limit."""

    wall_s: float | None = Field(None, gt=0)
    """Seconds of wall time in all, those before a `resume` included."""
    cost_usd: float | None = Field(5.0, gt=0)
    """What the calls of the run may cost in all, as far as prices are known; inf for no limit."""
    tokens: int | None = Field(None, gt=0)
    """Tokens of all calls, of prompts and completions."""


class RunConfig(Settings):
    """All settings of a run."""

    env: str = ""
    """A Gymnasium id, `module:callable` or `file.py:callable`."""
    env_kwargs: dict[str, bool | int | float | str] = {}
    """What the environment is made with, such as {gravity = -3.7}."""
    task: str = ""
    """The sentence."""
    task_name: str = ""
    """A task that the environment's folder declares; "" matches the sentence."""
    fitness: str = ""
    """A fitness expression, "native", or "preference" where raters alone decide."""
    notes: str = ""
    """What the user knows and the proposer should."""
    compare: str = ""
    """A reward of the user's that the best is compared with; no proposer sees it."""
    init: tuple[str, ...] = ()
    """Files of the user's own rewards to start from."""
    seed: int = Field(0, ge=0, lt=2**31)
    """Where all randomness comes from."""
    unsafe_no_jail: bool = False
    """Run generated code also where the jail does not hold: it may then do all that you may."""
    search: SearchConfig = SearchConfig()
    tune: TuneConfig = TuneConfig()
    train: TrainConfig = TrainConfig()
    model: ModelConfig = ModelConfig()
    feedback: FeedbackConfig = FeedbackConfig()
    video: VideoConfig = VideoConfig()
    replay: ReplayConfig = ReplayConfig()
    limits: LimitConfig = LimitConfig()
