# reads raw memory
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    np.frombuffer(action.data, dtype=np.int8)
    return {'a': v}
