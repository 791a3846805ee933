"""A model as the run's memory: the lessons of a generation, carried on to the next ones."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from rewardsmith.errors import ModelError
from rewardsmith.propose.calling import Model
from rewardsmith.propose.prompts import reflection_messages
from rewardsmith.records import Candidate, TaskSpec

_LOG = logging.getLogger(__name__)
_MOST_LINES, _MOST_CHARACTERS = 10, 300


class LlmReflector:
    """Asks a model what a generation has taught; see Reflector.

    Args:
        prompts: a folder of the user's with prompts that take the place of ours.
    """

    def __init__(self, model: Model, prompts: str = "") -> None:
        self._model, self._prompts = model, prompts

    def reflect(self, task: TaskSpec, candidates: Sequence[Candidate], lessons: str) -> str:
        """The lessons after a generation; the earlier ones where there came none.

        Lessons are worth no run: a call that fails is logged and the search goes on.
        """
        slot = f"{candidates[0].id}/reflect"
        messages = reflection_messages(task, candidates, lessons, self._prompts)
        answer = self._model.answer(self._model.request(messages, slot, "reflect"))
        if isinstance(answer, ModelError):
            _LOG.warning("%s: %s", slot, answer)
            return lessons
        return read_lessons(answer.text) or lessons


def read_lessons(text: str) -> str:
    """The lines of a list in a reply, at most ten; "" where it holds none."""
    lines = [" ".join(line.split()) for line in text.split("\n")]
    found = [
        f"- {line[1:].strip()}" for line in lines if line[:1] in ("-", "*") and line[1:].strip()
    ]
    return "\n".join(line[:_MOST_CHARACTERS] for line in found[:_MOST_LINES])
