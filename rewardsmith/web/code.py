"""Code as HTML: coloured, by lines, with what the critic says beside them, and as differences."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from typing import Literal

from markupsafe import Markup
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from rewardsmith.records import Candidate, Finding, Record

_CONTEXT_LINES = 3


class Line(Record):
    """A line of code; `html` is escaped."""

    number: int
    html: str
    findings: tuple[Finding, ...] = ()

    @property
    def markup(self) -> Markup:
        """For a template: Pygments escapes whatever it is given."""
        return Markup(self.html)


class Change(Record):
    """A line of a difference."""

    kind: Literal["same", "added", "removed", "gap"]
    text: str


class Difference(Record):
    """What a candidate changed of a parent's code."""

    parent: str
    lines: tuple[Change, ...]
    """() where the two are equal."""


def lines_of(candidate: Candidate) -> tuple[Line, ...]:
    """The candidate's code by lines, each with what was found in it."""
    html = highlight(candidate.code, PythonLexer(stripnl=False), _formatter()).split("\n")
    findings = candidate.verdict.findings if candidate.verdict else ()
    return tuple(
        Line(
            number=number,
            html=text,
            findings=tuple(finding for finding in findings if finding.line == number),
        )
        for number, text in enumerate(html[: len(candidate.code.splitlines())], start=1)
    )


def differences(candidate: Candidate, parents: Sequence[Candidate]) -> tuple[Difference, ...]:
    """Against each parent, with a few lines around every change."""
    return tuple(
        Difference(parent=parent.id, lines=tuple(_changes(parent.code, candidate.code)))
        for parent in parents
    )


def _changes(before: str, after: str) -> Iterator[Change]:
    rows = difflib.unified_diff(
        before.splitlines(), after.splitlines(), n=_CONTEXT_LINES, lineterm=""
    )
    for number, row in enumerate(rows):
        if number < 2:
            continue  # the names of the two files
        if row.startswith("@@"):
            yield Change(kind="gap", text=row)
        else:
            kinds: dict[str, Literal["added", "removed"]] = {"+": "added", "-": "removed"}
            yield Change(kind=kinds.get(row[0], "same"), text=row[1:])


def _formatter() -> HtmlFormatter[str]:
    # Classes and no styles: the content policy refuses inline ones.
    return HtmlFormatter(nowrap=True, classprefix="tk-")
