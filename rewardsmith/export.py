"""Takes a reward or a policy out of a run, as a file that stands on its own."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from rewardsmith import recording
from rewardsmith.errors import UserError
from rewardsmith.files import write_text
from rewardsmith.llm.secrets import redactor
from rewardsmith.records import Candidate, Score
from rewardsmith.report import best_candidate
from rewardsmith.store import RunRecord, Store


def find(store: Store, name: str) -> tuple[RunRecord, Candidate]:
    """The candidate that `RUN` or `RUN:CANDIDATE` names; of a bare run the best."""
    run_name, _, candidate_id = name.partition(":")
    run = store.run(run_name)
    candidates = store.candidates(run.id)
    if not candidate_id:
        best = best_candidate(run, candidates)
        if best is None:
            raise UserError(f"{run.id} has no candidate with a score yet")
        return run, best
    for candidate in candidates:
        if candidate.id == candidate_id:
            return run, candidate
    known = ", ".join(candidate.id for candidate in candidates)
    raise UserError(f"{run.id} has no candidate {candidate_id} (it has: {known})")


def reward_text(run: RunRecord, candidate: Candidate) -> str:
    """The reward's code under a comment that says where it comes from."""
    lines = [
        f"# Reward {candidate.id} of run {run.id}, written by rewardsmith ({candidate.origin}).",
        f"# Task: {' '.join(run.task.sentence.split())}",
        f"# Environment: {run.task.env}; fitness: {run.task.fitness.expression}",
    ]
    if run.config.unsafe_no_jail:
        lines.append("# It ran WITHOUT the jail for generated code (--unsafe-no-jail)")
    if candidate.report:
        lines.append(f"# On held-out seeds: {_words(candidate.report)}")
    elif candidate.score:
        lines.append(f"# On the selection seeds: {_words(candidate.score)}")
    return "\n".join(lines) + "\n\n" + candidate.whole_code


def export_reward(store: Store, name: str, path: Path) -> Candidate:
    """Write the reward to `path`."""
    run, candidate = find(store, name)
    try:
        write_text(path, reward_text(run, candidate))
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}") from None
    return candidate


def export_policy(store: Store, name: str, path: Path) -> Candidate:
    """Copy the policy to `path`."""
    run, candidate = find(store, name)
    try:
        shutil.copyfile(policy_path(store, run, candidate), path)
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}") from None
    return candidate


def export_cassette(store: Store, name: str, path: Path) -> RunRecord:
    """Write the finished search that `name` belongs to into one file for `run --replay`."""
    run = store.run(name.partition(":")[0])
    recording.write(store, run, path, redactor(os.environ))
    return run


def policy_path(store: Store, run: RunRecord, candidate: Candidate) -> Path:
    """The candidate's policy. Raises UserError where it never had one."""
    path = store.candidate_folder(run.id, candidate) / "policy.safetensors"
    if not path.exists():
        why = candidate.failure.for_human if candidate.failure else f"it is only {candidate.stage}"
        raise UserError(f"{candidate.id} has no policy: {why}")
    return path


def _words(score: Score) -> str:
    return (
        f"{score.value:.4g} [{score.low:.4g}, {score.high:.4g}], {score.n_seeds} training seed(s)"
    )
