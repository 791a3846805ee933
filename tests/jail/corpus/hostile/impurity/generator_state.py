# counts by a generator that goes on
import numpy as np


TICKS = iter(range(10**9))


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    return {'a': v * next(TICKS)}
