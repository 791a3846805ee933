"""The commands that search: run, resume, ctl."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rewardsmith.cli import preview
from rewardsmith.cli.flags import (
    Algo,
    Assignments,
    Backend,
    ConfigFile,
    CostLimit,
    Hyperparams,
    Json,
    KeyValues,
    MaxTokens,
    Prompts,
    Quiet,
    RunsDir,
    TimeLimit,
    Timesteps,
    TokenLimit,
    Tune,
    Unsafe,
    Verbose,
    Workers,
    given,
    pairs,
)
from rewardsmith.cli.going import go, settled


def run(
    task: Annotated[str, typer.Argument(metavar="TASK", help="What to learn, in a sentence.")] = "",
    env: Annotated[
        str | None, typer.Option("-e", "--env", help="Gymnasium id, or file.py:make_env.")
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option("-m", "--model", help="Such as gpt-5, any name of litellm's; several share."),
    ] = None,
    api_base: Annotated[
        str | None, typer.Option("--api-base", help="OpenAI-compatible server.")
    ] = None,
    effort: Annotated[
        str | None, typer.Option(help="minimal to high: how long a reasoning model thinks.")
    ] = None,
    reflect: Annotated[
        bool, typer.Option("--reflect", help="Let the model carry on each generation's lessons.")
    ] = False,
    describe: Annotated[
        bool, typer.Option("--describe", help="Let the model say what the best policies do.")
    ] = False,
    prompts: Prompts = None,
    local_only: Annotated[
        bool, typer.Option("--local-only", help="Refuse models beyond this machine.")
    ] = False,
    proposer: Annotated[str | None, typer.Option(help="auto, llm or grammar.")] = None,
    review: Annotated[
        bool, typer.Option("--review", help="Let the model review each reward too.")
    ] = False,
    strategy: Annotated[
        str | None, typer.Option(help="eureka, islands, card or best-of-n (no iteration).")
    ] = None,
    tune: Tune = None,
    iterations: Annotated[
        int | None, typer.Option("-i", "--iterations", help="Generations.")
    ] = None,
    samples: Annotated[
        int | None, typer.Option("-n", "--samples", help="Rewards per generation.")
    ] = None,
    seeds: Annotated[int | None, typer.Option(help="Training seeds of every candidate.")] = None,
    no_rungs: Annotated[
        bool, typer.Option("--no-rungs", help="Train to the end what is clearly behind too.")
    ] = False,
    finalists: Annotated[
        int | None, typer.Option(help="How many of the best go to the finals.")
    ] = None,
    final_seeds: Annotated[int | None, typer.Option(help="Training seeds of a finalist.")] = None,
    report_seeds: Annotated[
        int | None, typer.Option(help="Training seeds of the best and of what stands beside it.")
    ] = None,
    arms: Annotated[
        bool, typer.Option("--arms", help="Measure what the same steps bring without the search.")
    ] = False,
    compare: Annotated[
        Path | None, typer.Option(help="A reward of your own to measure beside the best.")
    ] = None,
    timesteps: Timesteps = None,
    algo: Algo = None,
    backend: Backend = None,
    warm_start: Annotated[
        str | None, typer.Option(help="off, or parent: policies go on from their parent's.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option("--seed", help="Where all randomness comes from.")
    ] = None,
    task_name: Annotated[
        str | None, typer.Option("--task", help="A task that the environment declares.")
    ] = None,
    fitness: Annotated[
        str | None, typer.Option("--fitness", help='An expression, "native" or "preference".')
    ] = None,
    init: Annotated[
        list[Path] | None, typer.Option(help="A reward of your own to start from; repeatable.")
    ] = None,
    notes: Annotated[str | None, typer.Option(help="What the proposer should know.")] = None,
    feedback: Annotated[
        str | None, typer.Option(help="Ask raters: pair, best-worst or text.")
    ] = None,
    votes: Annotated[
        int | None, typer.Option("--votes", help="Answers a generation waits for.")
    ] = None,
    rater: Annotated[
        list[str] | None,
        typer.Option(help="Answers at once: simulated:beta=3,mistake=0.05; repeatable."),
    ] = None,
    judge: Annotated[str | None, typer.Option(help="model: the model votes too.")] = None,
    feedback_deadline: Annotated[
        float | None, typer.Option(help="Seconds after which it goes on without more votes.")
    ] = None,
    env_kwargs: KeyValues = None,
    hyperparams: Hyperparams = None,
    stop_when: Annotated[str | None, typer.Option(help="solved or plateau.")] = None,
    time_limit: TimeLimit = None,
    cost_limit: CostLimit = None,
    token_limit: TokenLimit = None,
    max_tokens: MaxTokens = None,
    max_workers: Workers = None,
    config: ConfigFile = None,
    assignments: Assignments = None,
    runs_dir: RunsDir = Path("runs"),
    json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = 0,
    yes: Annotated[bool, typer.Option("-y", "--yes", help="Yes to every question.")] = False,
    unsafe_no_jail: Unsafe = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check and show the plan; train nothing.")
    ] = False,
    replay: Annotated[
        str | None, typer.Option(help="Execute a recorded search again, offline: RUN or FILE.")
    ] = None,
    retrain: Annotated[
        bool, typer.Option("--retrain", help="With --replay: train again too.")
    ] = False,
    show_prompt: Annotated[
        bool,
        typer.Option("--show-prompt", help="Print what would be sent to the model; send nothing."),
    ] = False,
) -> None:
    """Search a reward for TASK and train a policy on it."""
    from rewardsmith import settings, start
    from rewardsmith.options import nested
    from rewardsmith.store import Store

    options = {
        "task": task or None,
        "env": env,
        "model": tuple(model) if model else None,
        "api_base": api_base,
        "effort": effort,
        "proposer": proposer,
        "review": review or None,
        "reflect": reflect or None,
        "describe": describe or None,
        "local_only": local_only or None,
        "prompts": str(prompts) if prompts else None,
        "strategy": strategy,
        "tune": tune,
        "iterations": iterations,
        "samples": samples,
        "seeds": seeds,
        "rungs": False if no_rungs else None,
        "finalists": finalists,
        "final_seeds": final_seeds,
        "report_seeds": report_seeds,
        "arms": arms or None,
        "compare": str(compare) if compare else None,
        "timesteps": timesteps,
        "algo": algo,
        "backend": backend,
        "warm_start": warm_start,
        "seed": seed,
        "task_name": task_name,
        "fitness": fitness,
        "init": tuple(str(path) for path in init) if init else None,
        "notes": notes,
        "feedback": feedback,
        "votes": votes,
        "rater": tuple(rater) if rater else None,
        "judge": judge,
        "feedback_deadline": feedback_deadline,
        "env_kwargs": pairs(env_kwargs),
        "hyperparams": pairs(hyperparams),
        "stop_when": stop_when,
        "time_limit": time_limit,
        "cost_limit": cost_limit,
        "token_limit": token_limit,
        "max_tokens": max_tokens,
        "max_workers": max_workers,
        "unsafe_no_jail": unsafe_no_jail or None,
        "retrain": retrain or None,
    }
    asked = given(config, assignments, nested(options))
    if replay:
        store = Store(runs_dir)
        go(start.replay(replay, store, asked), store, json=json, quiet=quiet)
        return
    chosen = settled(settings.build(asked), yes)
    if show_prompt:
        preview.prompt(chosen)
        return
    if dry_run:
        preview.plan(chosen, runs_dir)
        return
    store = Store(runs_dir)
    go(start.create(chosen, store), store, json=json, quiet=quiet)


def resume(
    name: Annotated[str, typer.Argument(metavar="RUN")] = "last",
    iterations: Annotated[
        int | None, typer.Option("-i", "--iterations", help="Generations in all.")
    ] = None,
    tune: Tune = None,
    time_limit: TimeLimit = None,
    cost_limit: CostLimit = None,
    token_limit: TokenLimit = None,
    max_tokens: MaxTokens = None,
    api_base: Annotated[
        str | None, typer.Option("--api-base", help="Where the server of the model is by now.")
    ] = None,
    max_workers: Workers = None,
    runs_dir: RunsDir = Path("runs"),
    json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = 0,
) -> None:
    """Go on with a run; what is stored is not done again."""
    from rewardsmith import start
    from rewardsmith.store import Store

    store = Store(runs_dir, create=False)
    options = {
        "iterations": iterations,
        "tune": tune,
        "time_limit": time_limit,
        "cost_limit": cost_limit,
        "token_limit": token_limit,
        "max_tokens": max_tokens,
        "api_base": api_base,
        "max_workers": max_workers,
    }
    go(start.reopen(store.run(name), options), store, json=json, quiet=quiet)


def ctl(
    name: Annotated[str, typer.Argument(metavar="RUN")],
    command: Annotated[
        str, typer.Argument(help="pause, resume, cancel, time-limit, cost-limit or token-limit.")
    ],
    value: Annotated[str, typer.Argument(help="Of a limit: seconds, USD or tokens, in all.")] = "",
    runs_dir: RunsDir = Path("runs"),
) -> None:
    """Steer a run that is going on in another process."""
    from rewardsmith import commands
    from rewardsmith.store import Store

    commands.checked(command, value)
    store = Store(runs_dir, create=False)
    store.command(store.run(name).id, command, value)
