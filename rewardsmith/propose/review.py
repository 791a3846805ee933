"""A model as reviewer: reads a reward against the task and says what it doubts (Auto MC-Reward).

What it says are claims. critic/concerns.py tries those that can be tried.
"""

from __future__ import annotations

import json
import logging
import re

from pydantic import TypeAdapter, ValidationError

from rewardsmith.errors import ModelError
from rewardsmith.propose.calling import Model
from rewardsmith.propose.prompts import review_messages
from rewardsmith.records import Candidate, Concern, TaskSpec

_LOG = logging.getLogger(__name__)
_MOST = 5
_BLOCK = re.compile(r"```(?:json)?[ \t]*\n(.*?)```", re.S)
_CONCERNS = TypeAdapter(tuple[Concern, ...])


class LlmReviewer:
    """Asks a model what is wrong with a reward that passed the critic."""

    def __init__(self, model: Model, prompts: str = "") -> None:
        self._model, self._prompts = model, prompts

    def review(self, candidate: Candidate, task: TaskSpec) -> tuple[Concern, ...]:
        """Up to five concerns; () where the model has none, gave no reply, or answered nonsense.

        A review is worth no run: what fails here is logged and the candidate goes on.
        """
        slot = f"{candidate.id}/review{candidate.repairs or ''}"
        messages = review_messages(task, candidate.code, self._prompts)
        request = self._model.request(messages, slot, "review", turn=1)
        answer = self._model.answer(request)
        if isinstance(answer, ModelError):
            _LOG.warning("%s: %s", slot, answer)
            return ()
        try:
            return read_concerns(answer.text)
        except ValueError as error:
            _LOG.warning("%s: %s", slot, error)
            return ()


def read_concerns(text: str) -> tuple[Concern, ...]:
    """The concerns in a reply. Raises ValueError where it holds no list of them."""
    blocks = _BLOCK.findall(text) or [text]
    try:
        return _CONCERNS.validate_python(json.loads(blocks[-1]))[:_MOST]
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ValueError(f"no list of concerns: {place}: {first['msg']}") from None
    except RecursionError:
        raise ValueError("no list of concerns: nested too deeply") from None
