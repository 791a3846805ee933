"""The strategy that the settings name."""

from __future__ import annotations

from rewardsmith.config import SearchConfig
from rewardsmith.strategies import Strategy
from rewardsmith.strategies.best_of_n import BestOfN
from rewardsmith.strategies.card import Card
from rewardsmith.strategies.eureka import Eureka
from rewardsmith.strategies.islands import Islands


def strategy(config: SearchConfig) -> Strategy:
    """One of the four."""
    match config.strategy:
        case "eureka":
            return Eureka()
        case "islands":
            return Islands(config.islands)
        case "card":
            return Card()
        case "best-of-n":
            return BestOfN()
