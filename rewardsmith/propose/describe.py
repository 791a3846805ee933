"""A model that says in words what a policy does, from an episode that was measured.

The designers of the next generation read numbers of training; what the policy did with its body
stands in none of them (Auto MC-Reward calls this part the trajectory analyzer).
"""

from __future__ import annotations

import logging

from rewardsmith.errors import ModelError
from rewardsmith.propose.calling import Model
from rewardsmith.propose.prompts import description_messages
from rewardsmith.records import Candidate, TaskSpec
from rewardsmith.retell import episode_lines
from rewardsmith.rollouts import Rollout

_LOG = logging.getLogger(__name__)
_MOST_CHARACTERS = 1200


class LlmNarrator:
    """Asks a model what an episode shows; see Narrator.

    Args:
        prompts: a folder of the user's with prompts that take the place of ours.
    """

    def __init__(self, model: Model, prompts: str = "") -> None:
        self._model, self._prompts = model, prompts

    def describe(self, candidate: Candidate, episode: Rollout, task: TaskSpec) -> str:
        """A few sentences; "" where the model gave no reply, which is logged and ends nothing."""
        slot = f"{candidate.id}/describe"
        messages = description_messages(task, episode_lines(episode, task), self._prompts)
        answer = self._model.answer(self._model.request(messages, slot, "describe"))
        if isinstance(answer, ModelError):
            _LOG.warning("%s: %s", slot, answer)
            return ""
        return " ".join(answer.text.split())[:_MOST_CHARACTERS]
