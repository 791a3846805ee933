# reads attributes through format_map
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    '{a.__class__}'.format_map({'a': action})
    return {'a': v}
