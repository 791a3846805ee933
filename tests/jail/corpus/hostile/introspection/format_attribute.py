# reads attributes through a format string
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    '{0.__class__.__init__.__globals__}'.format(action)
    return {'a': v}
