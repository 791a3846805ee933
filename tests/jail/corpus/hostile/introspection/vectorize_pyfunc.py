# reaches a function's globals by np.vectorize
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    np.vectorize(compute_reward).pyfunc.__globals__['np'].os
    return {'a': v}
