"""The critic: refuses broken and hostile rewards, in words that a model can act on."""

from rewardsmith.critic.check import check

__all__ = ["check"]
