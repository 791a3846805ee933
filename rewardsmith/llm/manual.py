"""An adapter for people with a chat window and no key: prompts and answers are files.

Each prompt is a Markdown file in a queue folder; the answer is pasted into a file beside it. The
files outlive the process: a run that was killed finds on resuming what was answered meanwhile.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from rewardsmith.errors import UserError
from rewardsmith.files import write_text
from rewardsmith.llm.cassette import body_hash
from rewardsmith.llm.chat import ChatReply, ChatRequest
from rewardsmith.records import Record

MANUAL = "manual"
"""The name of this model."""
FOLDER = "manual"
"""Of the queue, in a run's folder."""
_ANSWER = ".answer.md"
_LOOK_EVERY_S = 1.0
_RULE = "\n---\n\n"


class Waiting(Record):
    """A prompt in the queue."""

    name: str
    """The slot that asks, and a few digits of what it asks: `r01c03-propose-1a2b3c`."""
    prompt: Path
    answer: Path
    """The file that the answer belongs into."""
    answered: bool


class ManualClient:
    """Writes prompts into `folder` and waits for their answers, for ever; see Adapter.

    Args:
        tell: told of every prompt that waits.
        sleep: between two looks; what it raises ends the waiting.
    """

    name = endpoint = MANUAL

    def __init__(
        self,
        folder: Path,
        tell: Callable[[Waiting], None],
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._folder, self._tell, self._sleep = folder, tell, sleep

    async def send(self, request: ChatRequest, n: int) -> tuple[ChatReply, ...]:
        """The answer, once somebody has put it into its file; one, for nobody pastes several."""
        started = time.monotonic()
        name = f"{request.slot.replace('/', '-')}-{body_hash(request)[:6]}"
        waiting = _waiting(self._folder / f"{name}.md")
        if not waiting.answered:
            write_text(waiting.prompt, _page(waiting, request))
            self._tell(waiting)
        text = await self._answer(waiting.answer)
        wall_s = time.monotonic() - started
        return (ChatReply(text=text, finish="stop", model=MANUAL, cost_usd=0.0, wall_s=wall_s),)

    async def _answer(self, path: Path) -> str:
        """The text of the file when it is there and no longer grows."""
        before = None
        while True:
            text = path.read_text("utf-8", errors="replace") if path.exists() else ""
            if text.strip() and text == before:
                return text
            before = text
            await self._sleep(_LOOK_EVERY_S)


def queue(run_folder: Path) -> list[Waiting]:
    """Every prompt of a run's queue, those that wait first."""
    folder = run_folder / FOLDER
    prompts = [p for p in sorted(folder.glob("*.md")) if not p.name.endswith(_ANSWER)]
    return sorted(map(_waiting, prompts), key=lambda waiting: waiting.answered)


def find(run_folder: Path, name: str) -> Waiting:
    """The prompt whose name begins with `name`; "" takes the only one that waits.

    Raises UserError where it is none or not the only one.
    """
    known = queue(run_folder)
    if not name:
        fitting = [waiting for waiting in known if not waiting.answered]
    else:
        short = name.replace("/", "-")
        fitting = [waiting for waiting in known if waiting.name.startswith(short)]
    if len(fitting) == 1:
        return fitting[0]
    names = ", ".join(waiting.name for waiting in fitting or known) or "none"
    wrong = f"{name!r} fits" if name else "there wait"
    raise UserError(f"{wrong} {len(fitting)} prompts; the names are: {names}")


def prompt_text(waiting: Waiting) -> str:
    """What is to be pasted into the chat."""
    return waiting.prompt.read_text("utf-8").partition(_RULE)[2]


def answer(waiting: Waiting, text: str) -> None:
    """Put an answer into its file. Raises UserError where it is empty or there is one already."""
    if not text.strip():
        raise UserError("the answer is empty")
    if waiting.answered:
        raise UserError(f"{waiting.name} is answered already, in {waiting.answer}")
    write_text(waiting.answer, text)


def _waiting(prompt: Path) -> Waiting:
    path = prompt.with_name(prompt.stem + _ANSWER)
    answered = path.exists() and bool(path.read_text("utf-8", errors="replace").strip())
    return Waiting(name=prompt.stem, prompt=prompt, answer=path, answered=answered)


def _page(waiting: Waiting, request: ChatRequest) -> str:
    """Where the answer belongs, and below the rule what is to be pasted."""
    head = (
        f"# {waiting.name}\n\nPaste everything below the line into a chat, and the whole answer "
        f"into the file\n`{waiting.answer}`.\n"
    )
    turns = (f"# {message.role.capitalize()}\n\n{message.content}" for message in request.messages)
    return head + _RULE + "\n\n".join(turn.rstrip("\n") for turn in turns) + "\n"
