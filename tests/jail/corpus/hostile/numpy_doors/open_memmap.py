# maps a file by NumPy's format module
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    np.lib.format.open_memmap('/canary/new.npy', shape=(1,), mode='w+')
    return {'a': v}
