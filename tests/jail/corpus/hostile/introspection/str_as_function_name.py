# uses map over str.format
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    list(map(str.format, ['{0.__class__}'], [v]))
    return {'a': v}
