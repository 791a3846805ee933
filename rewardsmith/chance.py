"""Random streams that depend on names alone: the same on every machine and after every resume."""

from __future__ import annotations

import hashlib

import numpy as np


def stream(*names: object) -> np.random.Generator:
    """A stream of its own for every list of names, such as a run's seed and a slot."""
    return np.random.default_rng(number(*names))


def number(*names: object) -> int:
    """A number of 64 bits for every list of names, for streams of somebody else's."""
    digest = hashlib.sha256("/".join(map(str, names)).encode()).digest()
    return int.from_bytes(digest[:8], "big")
