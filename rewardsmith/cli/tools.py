"""The commands on one reward or policy: check, train, evaluate, video, export."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rewardsmith.cli import flags, going
from rewardsmith.cli.exits import FAILED

Reward = Annotated[Path, typer.Argument(metavar="FILE", help="A file with compute_reward.")]
Env = Annotated[str, typer.Option("-e", "--env", help="Gymnasium id.")]
Candidate = Annotated[str, typer.Argument(metavar="RUN[:CANDIDATE]")]
Seeds = Annotated[str, typer.Option("--seeds", help="Such as 0,1,2 or 0-9.")]

_MAX_SEEDS = 1000


def check(
    file: Reward,
    env: Env,
    env_kwargs: flags.KeyValues = None,
    json: flags.Json = False,
    unsafe_no_jail: flags.Unsafe = False,
) -> None:
    """Ask the critic about a reward; exits with 1 when it is refused."""
    from rewardsmith import api
    from rewardsmith.cli import console

    verdict = api.check(file, env, env_kwargs=flags.pairs(env_kwargs), unsafe=unsafe_no_jail)
    console.show_verdict(verdict, json=json)
    if not verdict.ok:
        raise typer.Exit(FAILED)


def train(
    file: Reward,
    env: Env,
    seeds: Seeds = "0,1,2",
    timesteps: flags.Timesteps = None,
    algo: flags.Algo = None,
    backend: flags.Backend = None,
    task: Annotated[str, typer.Option("--task", help="A declared task, for the fitness.")] = "",
    fitness: Annotated[str, typer.Option("--fitness", help="An expression or native.")] = "",
    env_kwargs: flags.KeyValues = None,
    hyperparams: flags.Hyperparams = None,
    max_workers: flags.Workers = None,
    config: flags.ConfigFile = None,
    assignments: flags.Assignments = None,
    runs_dir: flags.RunsDir = Path("runs"),
    json: flags.Json = False,
    quiet: flags.Quiet = False,
    verbose: flags.Verbose = 0,
    unsafe_no_jail: flags.Unsafe = False,
) -> None:
    """Train policies on one given reward and measure them."""
    from rewardsmith import options, start
    from rewardsmith.store import Store

    given = options.nested(
        {
            "env": env,
            "task": f"train {file.name}",
            "task_name": task or None,
            "fitness": fitness or (None if task else "native"),
            "init": (str(file),),
            "timesteps": timesteps,
            "algo": algo,
            "backend": backend,
            "env_kwargs": flags.pairs(env_kwargs),
            "hyperparams": flags.pairs(hyperparams),
            "max_workers": max_workers,
            "unsafe_no_jail": unsafe_no_jail or None,
        }
    )
    chosen = flags.build(config, assignments, given)
    store = Store(runs_dir)
    record = start.create(chosen, store, train_seeds=parse_seeds(seeds))
    going.go(record, store, json=json, quiet=quiet)


def evaluate(
    candidate: Candidate,
    seeds: Seeds = "0-9",
    runs_dir: flags.RunsDir = Path("runs"),
    json: flags.Json = False,
) -> None:
    """Measure a stored policy on the given episode seeds."""
    from rewardsmith import evaluate as evaluation
    from rewardsmith import export, policy
    from rewardsmith.cli import console
    from rewardsmith.store import Store

    store = Store(runs_dir, create=False)
    run, found = export.find(store, candidate)
    trained = policy.load(export.policy_path(store, run, found))
    episodes = evaluation.evaluate(run.task, trained, parse_seeds(seeds))
    console.show_episodes(run, found, episodes, json=json)


def video(
    candidate: Candidate = "last",
    seconds: Annotated[
        float | None, typer.Option("--seconds", help="Of the environment's time, at most.")
    ] = None,
    runs_dir: flags.RunsDir = Path("runs"),
    json: flags.Json = False,
) -> None:
    """Film the best and the last policy of a candidate: mp4 files with posters."""
    from rewardsmith import export, filming, footage
    from rewardsmith.cli import live
    from rewardsmith.errors import UserError
    from rewardsmith.settings import merge
    from rewardsmith.store import Store

    if why := footage.lacking():
        raise UserError(why)
    store = Store(runs_dir, create=False)
    run, found = export.find(store, candidate)
    export.policy_path(store, run, found)  # says why where there is no policy
    settings = run.config.video.model_dump()
    chosen = type(run.config.video).model_validate(
        merge(settings, {"seconds": seconds} if seconds else {})
    )
    display = live.display(store, json=json, quiet=False)
    failed = False
    for filmed in filming.film(store, run, [found], chosen):
        display.observe(filmed.event())
        failed |= bool(filmed.why)
    if failed:
        raise typer.Exit(FAILED)


def export(
    candidate: Candidate,
    reward: Annotated[Path | None, typer.Option("--reward", help="Write the reward here.")] = None,
    policy: Annotated[Path | None, typer.Option("--policy", help="Write the policy here.")] = None,
    cassette: Annotated[
        Path | None, typer.Option("--cassette", help="Write the search here, for run --replay.")
    ] = None,
    runs_dir: flags.RunsDir = Path("runs"),
) -> None:
    """Take the reward, the policy or the whole recorded search out of a run."""
    from rewardsmith import export as exporting
    from rewardsmith.errors import UserError
    from rewardsmith.store import Store

    if not reward and not policy and not cassette:
        raise UserError("nothing to export: give --reward FILE, --policy FILE or --cassette FILE")
    store = Store(runs_dir, create=False)
    if reward:
        found = exporting.export_reward(store, candidate, reward)
        typer.echo(f"reward {found.id} -> {reward}")
    if policy:
        found = exporting.export_policy(store, candidate, policy)
        typer.echo(f"policy {found.id} -> {policy}")
    if cassette:
        run = exporting.export_cassette(store, candidate, cassette)
        typer.echo(f"search {run.id} -> {cassette}")


def parse_seeds(text: str) -> tuple[int, ...]:
    """`"0,1,2"` or `"0-9"` as numbers. Raises UserError where it is neither."""
    from rewardsmith.errors import UserError

    seeds: list[int] = []
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if not first.isdigit() or (dash and not last.isdigit()):
            raise UserError(f"seeds must look like 0,1,2 or 0-9, not {text!r}")
        wanted = range(int(first), int(last if dash else first) + 1)
        if len(seeds) + len(wanted) > _MAX_SEEDS:
            raise UserError(f"at most {_MAX_SEEDS} seeds at once, not {text!r}")
        seeds += wanted
    if not seeds or len(set(seeds)) < len(seeds):
        raise UserError(f"seeds must be different numbers, not {text!r}")
    return tuple(seeds)
