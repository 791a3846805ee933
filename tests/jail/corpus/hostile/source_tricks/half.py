# ends in the middle
import numpy as np


def compute_reward(next_state, action, t):
    return {'a': next_state.
