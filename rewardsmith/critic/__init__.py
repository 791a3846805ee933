"""The critic: refuses broken and hostile rewards, in words that a model can act on."""

from rewardsmith.critic.check import check, layers

__all__ = ["check", "layers"]
