"""A browser that sees all that goes on in its pages."""

from __future__ import annotations

from playwright import sync_api as playwright
from viewing import Viewed

NARROW, WIDE = 390, 1400


_PATIENCE_MS = 120_000
"""Runs under way beside it, and other tests, may take both cores."""


class Watched:
    """A browser's context, and all that went wrong in it or left the machine."""

    def __init__(self, browser: playwright.Browser, server: Viewed, width: int = WIDE) -> None:
        self.server, self.said, self.asked = server, list[str](), list[str]()
        self.context = browser.new_context(viewport={"width": width, "height": 900})
        self.context.on("request", lambda request: self.asked.append(request.url))
        self.context.on("console", lambda message: self._hear(message.type, message.text))
        self.context.on("weberror", lambda error: self._hear("error", str(error.error)))
        self.context.set_default_timeout(_PATIENCE_MS)
        self.page = self.context.new_page()

    def open(self, path: str) -> playwright.Page:
        """Go there."""
        self.page.goto(self.server.base + path)
        self.page.wait_for_load_state("load")
        return self.page

    def check(self) -> None:
        """Nothing went wrong, and nobody else was asked."""
        assert self.said == []
        assert [url for url in self.asked if not url.startswith(self.server.base + "/")] == []
        self.context.close()

    def _hear(self, kind: str, text: str) -> None:
        if kind in ("error", "warning"):
            self.said.append(text)


def serious(page: playwright.Page, axe: str) -> list[str]:
    """What shuts people out of a page, by axe-core: the rule, where, and why."""
    page.evaluate(axe)
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{rule['id']} {node['target']}: {node['failureSummary']}"
        for rule in found["violations"]
        if rule["impact"] in ("serious", "critical")
        for node in rule["nodes"]
    ]
