"""rewardsmith: a sentence and an environment in, a trained policy and its readable reward out."""

__version__ = "0.1.0"
