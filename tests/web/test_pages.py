"""The pages in a real browser: live, by mouse and by keyboard, narrow and wide."""

from __future__ import annotations

import pytest
from running import Recorded
from staging import Ballots
from viewing import Viewed

playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright")
from watching import NARROW, WIDE, Watched, serious  # noqa: E402


def _paths(run: str) -> tuple[str, ...]:
    here = f"/runs/{run}"
    return (
        *("/", f"/compare?run={run}&run={run}", "/costs", "/doctor", here, f"{here}/lineage"),
        *(f"{here}/costs", f"{here}/manual", f"{here}/votes", f"{here}/candidates/r02c00"),
        f"{here}/candidates/r01c01",
    )


@pytest.mark.parametrize("width", [NARROW, WIDE])
def test_every_page_fits_works_and_shuts_nobody_out(
    browser: playwright.Browser, view: Viewed, searched: Recorded, axe: str, width: int
) -> None:
    watched = Watched(browser, view, width)
    for path in _paths(searched.result["run"]):
        page = watched.open(path)
        assert page.title().endswith(" · rewardsmith"), path
        if path == "/doctor":
            page.get_by_role("cell", name="yes").first.wait_for()
        _fits(page, width, axe)
    watched.check()


@pytest.mark.parametrize("width", [NARROW, WIDE])
def test_every_ballot_fits_and_shuts_nobody_out(
    browser: playwright.Browser, ballots: Ballots, axe: str, width: int
) -> None:
    watched = Watched(browser, ballots.server, width)
    for mode, run in ballots.runs.items():
        page = watched.open(f"/runs/{run}/votes?rater=Ada")
        page.locator("#ballot video").first.wait_for()
        page.get_by_text("What the votes say so far").click()
        said = "No votes yet." if mode == "text" else "no pair in common"
        page.get_by_text(said).wait_for()
        _fits(page, width, axe)
    watched.check()


def _fits(page: playwright.Page, width: int, axe: str) -> None:
    """Nothing is wider than the window, and nobody is shut out."""
    assert page.evaluate("document.documentElement.scrollWidth") <= width, page.url
    if width == NARROW:  # the same elements, once is enough
        assert serious(page, axe) == [], page.url


def test_the_keyboard_reaches_everything_and_shows_where_it_is(
    browser: playwright.Browser, view: Viewed, searched: Recorded
) -> None:
    watched = Watched(browser, view)
    page = watched.open("/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    seen = set()
    while (focused := _next_focus(page)) != "BODY":
        seen.add(focused)
    assert {"Runs", "Compare", "Costs", "Doctor", "balance the pole"} <= seen
    page.get_by_role("link", name="balance the pole").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/runs/*")
    page.get_by_role("link", name="r02c00").first.focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/candidates/r02c00")
    watched.check()


def _next_focus(page: playwright.Page) -> str:
    """Press Tab; the words of what has the focus now, which must be marked, or "BODY"."""
    page.keyboard.press("Tab")
    words, outline, tag = page.evaluate(
        "() => { const e = document.activeElement;"
        " return [e.textContent.trim(), getComputedStyle(e).outlineStyle, e.tagName] }"
    )
    assert tag == "BODY" or outline != "none", words
    return "BODY" if tag == "BODY" else str(words)


def test_a_candidate_shows_its_film_its_curves_and_what_was_said(
    browser: playwright.Browser, view: Viewed, searched: Recorded
) -> None:
    best = searched.result["best"]["candidate"]
    watched = Watched(browser, view)
    page = watched.open(f"/runs/{searched.result['run']}/candidates/{best}")
    film = page.locator("#film-best")
    assert film.get_attribute("poster")
    film.evaluate("""film => new Promise((shown, failed) => {
        film.addEventListener("timeupdate", () => film.currentTime > 0.2 && shown());
        film.addEventListener("error", () => failed(film.error.message));
        film.play();
    })""")
    assert film.evaluate("film => [film.error, film.videoWidth]") == [None, 600]
    assert page.locator(".plot canvas").count() >= 2
    assert page.get_by_text("Changed since").count() == (1 if best.startswith("r02") else 0)
    page.get_by_text(f"{best}/propose").click()
    assert page.get_by_text("100 + 50 tokens").is_visible()
    assert "onerror=" in page.locator("details pre").last.inner_text()
    assert page.title() != "owned"
    watched.check()


def test_what_a_model_says_of_a_policy_is_shown_as_text(
    browser: playwright.Browser, view: Viewed, searched: Recorded
) -> None:
    watched = Watched(browser, view)
    page = watched.open(f"/runs/{searched.result['run']}/candidates/r01c00")
    assert page.get_by_text("It leans. </code><script>").count() >= 1
    assert page.get_by_text("r01c00/describe").is_visible()
    watched.check()


def test_a_refused_reward_says_why(
    browser: playwright.Browser, view: Viewed, searched: Recorded
) -> None:
    watched = Watched(browser, view)
    page = watched.open(f"/runs/{searched.result['run']}/candidates/r01c01")
    assert "pole_agnel" in page.locator(".banner.bad").inner_text()
    assert page.locator("tr.found .note").count() >= 1
    watched.check()
