# assigns a name in one branch only
import numpy as np


def compute_reward(next_state):
    v = next_state.x_velocity
    if np.all(v > -1e9):
        pass
    else:
        w = v
    return {'a': w}
