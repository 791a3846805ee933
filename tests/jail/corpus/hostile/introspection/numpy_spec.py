# asks NumPy's import spec
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    np.__spec__.loader
    return {'a': v}
