"""What the pages say of a run's results: how far to trust them, and what they are beside others."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from running import Recorded
from scripted_engine import TASK, candidate, episodes
from staging import staged
from viewing import Viewed, viewing

from rewardsmith.config import RunConfig
from rewardsmith.entrants import question_for
from rewardsmith.records import Baseline, Score, Stage, Training
from rewardsmith.store import RunRecord, Store
from rewardsmith.votes import Vote

UNJAILED = "WITHOUT the jail (--unsafe-no-jail)"


@pytest.fixture(scope="module")
def runs_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("results")


@pytest.fixture(scope="module")
def asking(searched: Recorded, runs_dir: Path) -> RunRecord:
    """It ran without the jail, and waits for votes on its second generation."""
    return staged(runs_dir, searched, "pair", unsafe_no_jail=True)


@pytest.fixture(scope="module")
def store(asking: RunRecord, runs_dir: Path) -> Iterator[Store]:
    with closing(Store(runs_dir, create=False)) as opened:
        yield opened


@pytest.fixture(scope="module")
def pages(store: Store) -> Iterator[Viewed]:
    with viewing(store.runs_dir) as server:
        yield server


def test_a_run_without_the_jail_is_marked_wherever_its_results_are_shown(
    pages: Viewed, view: Viewed, searched: Recorded, asking: RunRecord
) -> None:
    for run, server, marked in ((asking.id, pages, True), (searched.result["run"], view, False)):
        here = f"/runs/{run}"
        for path in (
            *("/", "/live", f"/compare?run={run}", here, f"{here}/live", f"{here}/lineage"),
            *(f"{here}/candidates/r02c00", f"{here}/votes", f"{here}/costs", f"{here}/manual"),
        ):
            assert (UNJAILED in server.get(path).text) == marked, path


def test_the_results_say_how_far_raters_agree_with_people(
    pages: Viewed, store: Store, asking: RunRecord
) -> None:
    question = question_for(store, asking, 2, "Ada")
    assert question
    for rater, source in (("Ada", "person"), ("a judge", "model")):
        vote = {"rater": rater, "source": source, "question": question, "choice": "left"}
        store.add_vote(asking.id, Vote.model_validate(vote))
    found = pages.get(f"/runs/{asking.id}/votes/results").text
    judge, ada = (found[found.index(f">{name}</th>") :] for name in ("a judge", "Ada"))
    assert "1 of 1 [21 %, 100 %]" in judge.partition("</tr>")[0]
    assert "no pair in common" in ada.partition("</tr>")[0]


@pytest.mark.parametrize("summary", ["", "it fell"])
def test_a_candidate_shows_what_was_told_of_its_episodes(
    pages: Viewed, store: Store, asking: RunRecord, summary: str
) -> None:
    (known,) = (c for c in store.candidates(asking.id) if c.id == "r01c00")
    told = "best: r01c00, fitness 9 <b>"
    store.save_candidate(
        asking.id, known.model_copy(update={"summary": summary, "payouts": told, "conduct": ""})
    )
    page = pages.get(f"/runs/{asking.id}/candidates/r01c00").text
    assert "What was fed back" in page and summary in page
    assert "best: r01c00, fitness 9 &lt;b&gt;" in page


def _measured(fitness: float) -> dict[str, Any]:
    """The held-out trainings of an arm, on five seeds, and what they come to."""
    trainings = [
        Training(
            id=f"x/report-{seed}",
            seed=seed,
            purpose="report",
            timesteps=1,
            episodes=episodes((1,), fitness + seed),
        )
        for seed in range(5)
    ]
    report = Score(value=fitness, low=fitness - 1, high=fitness + 1, n_seeds=5)
    return {"trainings": trainings, "report": report}


def test_a_run_shows_all_its_arms_and_what_they_say_of_it(pages: Viewed, store: Store) -> None:
    parts = {"task": TASK, "config": RunConfig(), "proposer": "m"}
    run = store.create_run(**parts, best="r01c00")
    store.save_candidate(run.id, candidate(0, stage=Stage.EVALUATED, **_measured(5.0)))
    arm = store.create_run(**parts, arm_of=run.id)
    run = run.model_copy(update={"arm": arm.id})
    store.save_run(run)
    said = ("No evidence that iterating helped.", "Yours was not beaten.")
    begun = pages.get(f"/runs/{run.id}").text
    assert f'href="/runs/{arm.id}"' in begun and not any(line in begun for line in said)
    store.save_candidate(arm.id, candidate(0, stage=Stage.EVALUATED, **_measured(7.25)))
    store.save_run(arm.model_copy(update={"best": "r01c00"}))
    store.save_baseline(run.id, Baseline(name="yours", **_measured(6.5)))
    for path in (f"/runs/{run.id}", f"/runs/{run.id}/live"):
        shown = pages.get(path).text
        assert "none learning from another" in shown and "7.25" in shown and "6.5" in shown
        assert all(line in shown for line in said)
    assert "7.25" in pages.get("/").text


def test_the_best_is_called_held_out_once_it_is_reported(pages: Viewed, store: Store) -> None:
    """Finals choose it before the report's trainings; table, tile and rows say one number."""
    run = store.create_run(task=TASK, config=RunConfig(), proposer="m", best="r01c00")
    seen = {"score": Score(value=9.5, low=9, high=10, n_seeds=3)}
    seen["final"] = Score(value=3.25, low=3, high=3.5, n_seeds=3)
    chosen = candidate(0, stage=Stage.EVALUATED, **seen)
    here = f"/runs/{run.id}"

    def shown() -> tuple[str, str, str]:
        page = pages.get(here).text
        tile, row = page[page.index('class="tile main"') :], page[page.index('scope="row"') :]
        return page, tile.partition("</div>")[0], row.partition("</tr>")[0]

    store.save_candidate(run.id, chosen)
    page, tile, row = shown()
    assert "best so far" in tile and "held-out" not in page
    assert all("3.25" in where and "9.5" not in where for where in (tile, row))
    lineage = pages.get(f"{here}/lineage").text
    assert "9.5" in lineage and "3.25" not in lineage  # all by the seeds that all have in common
    report = Score(value=2.75, low=2, high=3, n_seeds=5)
    store.save_candidate(run.id, chosen.model_copy(update={"report": report}))
    page, tile, row = shown()
    assert "best on held-out seeds" in tile
    assert all("2.75" in where and "3.25" not in where for where in (tile, row))
