"""The offline proposer: it composes rewards from typed terms. It is not a language model."""

from __future__ import annotations

from rewardsmith.propose.grammar.proposer import GrammarProposer

__all__ = ["GrammarProposer"]
