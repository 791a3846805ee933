# calls a formatter
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    np.array2string(v, formatter={'float_kind': lambda x: 'x'})
    return {'a': v}
