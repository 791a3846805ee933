# keeps a count in a default argument
import numpy as np


def count(seen=[0]):
    seen[0] += 1
    return seen[0]


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    return {'a': v * count()}
