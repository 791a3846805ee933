# loads a library by NumPy
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    np.ctypeslib.load_library('libc.so.6', '/lib')
    return {'a': v}
