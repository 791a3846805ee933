# compiles C code
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    np.f2py.compile('end')
    return {'a': v}
