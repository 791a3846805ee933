"""The page, the table and the pictures of runs: whole, escaped, and with the right figures."""

from __future__ import annotations

import csv
import io
import json
import re
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from scripted_engine import LATE, TASK, candidate, episodes
from test_summarise import training

from rewardsmith.config import RunConfig
from rewardsmith.errors import BackendMissing, UserError
from rewardsmith.records import (
    Baseline,
    Candidate,
    Distance,
    Fitness,
    Generation,
    RunStatus,
    Score,
    Stage,
    Training,
)
from rewardsmith.reporting import figures, writing
from rewardsmith.reporting.figures import Line, chart
from rewardsmith.reporting.gather import RunReport, gather
from rewardsmith.reporting.lineage import lineage
from rewardsmith.reporting.page import render
from rewardsmith.reporting.sheets import as_csv, draw
from rewardsmith.reporting.statistics import (
    human_normalised,
    probability_of_improvement,
    stratified_iqm,
)
from rewardsmith.store import Store

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>"
SENTENCE = f"swing up {HOSTILE} $x^2$"
PARENT = "def compute_reward(obs):\n    return {'a': obs[:, 0]}\n"
CHILD = f"# {HOSTILE}\ndef compute_reward(obs):\n    return {{'a': 2 * obs[:, 0]}}\n"


def measured(name: str, purpose: str, seed: int, fitness: float) -> Training:
    made = training(seed, fitness)
    update = {
        "id": f"{name}/{purpose}-{seed}",
        "purpose": purpose,
        "episodes": episodes((1, 2), fitness),
    }
    return made.model_copy(update=update)


def between(low: float, high: float, n_seeds: int = 3) -> Score:
    return Score(value=(low + high) / 2, low=low, high=high, n_seeds=n_seeds)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path / "runs")
    yield opened
    opened.close()


@pytest.fixture
def report(store: Store) -> RunReport:
    """Two generations; a failed candidate whose code, name of file and failure are hostile."""
    task = TASK.model_copy(update={"sentence": SENTENCE})
    run = store.create_run(task=task, config=RunConfig(), proposer="offline baseline")
    selected = tuple(measured("r01c00", "selection", seed, 3.0) for seed in (0, 1))
    held_out = tuple(measured("r02c00", "report", seed, float(seed)) for seed in (4, 5, 6))
    failure = LATE.model_copy(update={"for_human": f"=broken {HOSTILE}"})
    for made in (
        candidate(0, stage=Stage.EVALUATED, code=PARENT, score=between(2, 4), trainings=selected),
        candidate(1, stage=Stage.FAILED, failure=failure, origin=f"init:{HOSTILE}"),
        candidate(
            0,
            generation=2,
            stage=Stage.EVALUATED,
            code=CHILD,
            parents=("r01c00",),
            score=between(5, 7),
            report=between(4, 6),
            trainings=(measured("r02c00", "selection", 0, 6.0), *held_out),
        ),
    ):
        store.save_candidate(run.id, made)
    for index in (1, 2):
        made_by = Generation(index=index, candidates=(), best=None, diversity=0.05 * index)
        store.commit_generation(run.id, made_by)
    apart = (Distance(candidate="r02c00", value=0.04),)
    native = (measured("native", "report", 4, 3.0),)
    store.save_baseline(run.id, Baseline(report=between(2, 4), trainings=native, distances=apart))
    store.save_baseline(run.id, Baseline(name="untrained", report=between(1, 1)))
    done = run.model_copy(update={"status": RunStatus.DONE, "best": "r02c00"})
    store.save_run(done)
    return gather(store, done)


class Outline(HTMLParser):
    """The tags of a page with their attributes, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_needs_nothing_beside_it_and_runs_nothing(report: RunReport) -> None:
    outline = Outline(render([report], title=HOSTILE))
    names = {tag for tag, _ in outline.tags}
    assert not names & {"script", "img", "link", "iframe", "object", "embed", "form", "base"}
    for tag, attributes in outline.tags:
        assert not [name for name in attributes if name.startswith("on") or name == "src"]
        assert (attributes.get("href") or "#").startswith("#"), (tag, attributes)
    policy = [a["content"] for tag, a in outline.tags if tag == "meta" and "http-equiv" in a]
    assert policy == ["default-src 'none'; style-src 'unsafe-inline'"]
    assert outline.text.count("alert(1)") >= 4, "hostile text is shown as what it is"
    assert not re.search(r"url\(|@import", render([report], title="t"))


def test_every_link_of_the_page_leads_somewhere(report: RunReport) -> None:
    outline = Outline(render([report, report], title="twice"))
    names = [str(a["id"]) for _, a in outline.tags if "id" in a]
    assert len(set(names)) == len(names)
    assert {str(a["href"])[1:] for _, a in outline.tags if "href" in a} <= set(names)


def test_the_page_tells_all_that_came_of_the_run(report: RunReport) -> None:
    text = " ".join(Outline(render([report], title="t")).text.split())
    assert "r02c00 reached 5 [4, 6] on 3 held-out training seeds" in text
    assert "The environment's own reward reached 3 [2, 4]: a tie" in text
    assert "rediscovered native: it lies 0.04" in text
    assert "the rewards of generation 1 say the same" in text
    assert "6 on the selection seeds, 5 on held-out ones" in text
    assert "Too few seeds (below 5)" in text
    assert "=broken" in text and "timeout" in text
    assert "- return {'a': obs[:, 0]}" in text and "+ return {'a': 2 * obs[:, 0]}" in text
    assert report.provenance.code_hashes["r02c00"] in text
    assert "training seeds, report4, 5, 6" in text
    assert "No model was asked" in text and "samples = 4" in text


def test_a_run_of_which_nothing_came_has_a_page_too(store: Store) -> None:
    run = store.create_run(task=TASK, config=RunConfig(), proposer="offline baseline")
    text = Outline(render([gather(store, run)], title="t")).text
    assert "No candidate has a score" in text
    store.save_candidate(run.id, candidate(0, stage=Stage.FAILED, failure=LATE))
    assert "too slow" in Outline(render([gather(store, run)], title="t")).text


def test_no_secret_of_the_environment_leaves_in_a_report(
    report: RunReport, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    secret = "hunter2-hunter2-hunter2"
    sentence = report.run.task.model_copy(update={"sentence": f"say {secret}"})
    told = report.model_copy(update={"run": report.run.model_copy(update={"task": sentence})})
    assert secret in render([told], title="t")
    monkeypatch.setenv("MY_API_KEY", secret)
    (path,) = writing.write([told], csv=tmp_path / "x.csv")
    for text in (render([told], title="t"), writing.as_json(told), path.read_text()):
        assert secret not in text


def test_the_json_is_the_whole_record(report: RunReport) -> None:
    told = json.loads(writing.as_json(report))
    assert RunReport.model_validate(told) == report
    assert [arm["name"] for arm in told["arms"]] == ["r02c00", "native", "untrained"]
    (held_out,) = (c for c in report.curves if (c.name, c.purpose) == ("r02c00", "report"))
    assert held_out.seeds == 3 and held_out.points[0].low <= held_out.points[0].value


def test_the_table_has_a_row_for_each_and_no_formula(report: RunReport) -> None:
    rows = list(csv.DictReader(io.StringIO(as_csv([report, report]))))
    assert [row["arm"] for row in rows[:5]] == ["r01c00", "r01c01", "r02c00", "native", "untrained"]
    assert len(rows) == 10
    assert rows[1]["failure"].startswith("'=broken")
    best = rows[2]
    assert (best["report_fitness"], best["human_normalised"]) == ("5.0", "2.0")
    assert (best["parents"], best["distance_to_native"]) == ("r01c00", "0.04")


def test_pictures_are_drawn_of_curves_arms_and_terms(report: RunReport, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="the extra [report] is not installed")
    paths = draw(report, tmp_path / "pictures")
    assert [path.stem.rpartition("-")[2] for path in paths] == ["curves", "arms", "terms"]
    for path in paths:
        assert path.read_bytes().startswith(b"\x89PNG") and path.stat().st_size > 5000


def test_without_matplotlib_the_line_to_install_it_is_said(
    report: RunReport, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(BackendMissing, match=r"pip install 'rewardsmith\[report\]'"):
        draw(report, tmp_path)


def test_what_cannot_be_written_is_said_in_a_line(report: RunReport, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot write"):
        list(writing.write([report], html=tmp_path / "file" / "x.html"))


# --- figures -------------------------------------------------------------------------------------


def test_a_chart_has_round_ticks_inside_its_box_and_keeps_to_finite_points() -> None:
    nan = float("nan")
    line = Line(name="a", x=(0, 1e5, 2e5), y=(nan, -1.0, 3.0), low=(0, -2, 1), high=(0, 0, 5))
    drawn = chart(
        "t", [line, Line(name="b", x=(0,), y=(0.5,), quiet=True)], x_label="x", y_label="y"
    )
    assert drawn is not None
    left, top, right, bottom = drawn.box
    assert [tick.text for tick in drawn.y_ticks] == ["-2", "0", "2", "4"]
    assert [tick.text for tick in drawn.x_ticks] == ["0", "50k", "100k", "150k", "200k"]
    assert all(left <= tick.at <= right for tick in drawn.x_ticks)
    assert all(top <= tick.at <= bottom for tick in drawn.y_ticks)
    quiet, coloured = drawn.lines
    assert (quiet.style, coloured.style) == (-1, 0)
    assert len(coloured.path.split()) == 2 and len(coloured.band.split()) == 4
    assert drawn.zero is not None and top < drawn.zero < bottom
    assert chart("t", [Line(name="a", x=(0,), y=(nan,))], x_label="x", y_label="y") is None


def test_a_flat_line_has_an_axis_too() -> None:
    drawn = chart("t", [Line(name="a", x=(0, 1), y=(0.0, 0.0))], x_label="x", y_label="y")
    assert drawn is not None and len(drawn.y_ticks) > 2
    rows = figures.whiskers("m", [("a", 1.0, 1.0, 1.0), ("b", float("inf"), 0.0, 1.0)])
    assert rows is not None and [row.name for row in rows.rows] == ["a"]
    assert figures.whiskers("m", []) is None


def test_the_family_tree_holds_the_failed_and_who_came_from_whom() -> None:
    family: list[Candidate] = [
        candidate(0, score=between(1, 2)),
        candidate(1, stage=Stage.FAILED, failure=LATE),
        candidate(2, score=between(1, 2), final=between(3, 5)),
        candidate(0, generation=2, parents=("r01c00", "gone"), score=between(2, 3)),
        candidate(1, generation=2, score=between(0, 1)),
        candidate(2, generation=2),
    ]
    tree = lineage(family, "r02c00", ("r02c00", "r02c01"))
    assert [(n.candidate.id, n.state, n.label) for n in tree.nodes] == [
        ("r01c00", "kept", "1.5"),
        ("r01c01", "failed", "timeout"),
        ("r01c02", "left", "1.5"),
        ("r02c00", "best", "2.5"),
        ("r02c01", "finalist", "0.5"),
        ("r02c02", "open", "checked"),
    ]
    assert [(edge.parent, edge.child) for edge in tree.edges] == [("r01c00", "r02c00")]
    assert tree.nodes[3].x > tree.nodes[0].x and tree.nodes[1].y > tree.nodes[0].y


# --- statistics ----------------------------------------------------------------------------------

UP = Fitness(name="up", expression="T")
DOWN = Fitness(name="down", expression="T", direction="minimize")
NATIVE, FLOOR = Baseline(report=between(8, 12)), Baseline(name="untrained", report=between(2, 2))


def test_the_human_normalised_score_is_eurekas() -> None:
    found = human_normalised(between(12, 16), [NATIVE, FLOOR], UP)
    assert found is not None and (found.value, found.low, found.high) == (1.5, 1.25, 1.75)
    sparse = Baseline(name="fitness", report=between(6, 6))
    found = human_normalised(between(12, 16), [FLOOR, sparse, NATIVE], UP)
    assert found is not None and found.value == 2.0
    less = human_normalised(between(0, 2), [NATIVE, FLOOR], DOWN)
    assert less is not None and (less.value, less.low, less.high) == (0.125, 0.0, 0.25)
    assert human_normalised(between(0, 2), [NATIVE], UP) is None
    assert human_normalised(between(0, 2), [FLOOR], UP) is None
    same = [NATIVE, Baseline(name="untrained", report=between(8, 12))]
    assert human_normalised(between(0, 2), same, UP) is None
    assert human_normalised(None, [NATIVE, FLOOR], UP) is None


def test_the_probability_of_improvement_is_the_share_of_pairs_the_mean_over_tasks() -> None:
    """First task: of 1, 2, 3 against 0, 2 the pairs won are 2 + 1.5 + ... = 4.5 of 6."""
    found = probability_of_improvement([((1, 2, 3), (0, 2)), ((0.0,), (1.0,))])
    assert found is not None and found.value == pytest.approx((4.5 / 6 + 0.0) / 2)
    sure = probability_of_improvement([((5, 6, 7), (1, 2, 3))])
    assert sure is not None and (sure.value, sure.low, sure.high) == (1, 1, 1)
    assert probability_of_improvement([((), (1.0,))]) is None


def test_the_interquartile_mean_is_over_all_runs_and_drawn_within_each_task() -> None:
    found = stratified_iqm([(0.0, 1.0, 2.0, 3.0), (4.0, 5.0, 6.0, 100.0)])
    assert found is not None and found.value == pytest.approx((2 + 3 + 4 + 5) / 4)
    assert 0 < found.low < found.value < found.high < 100
    # Drawn over all runs at once, one task alone could make a resample.
    tight = stratified_iqm([(0.0,) * 4, (10.0,) * 4])
    assert tight is not None and tight.low == tight.high == 5.0
    assert stratified_iqm([()]) is None
