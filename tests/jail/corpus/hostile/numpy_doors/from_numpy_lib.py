# imports NumPy's format module
import numpy as np
from numpy.lib.format import open_memmap


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    open_memmap('/canary/x.npy', mode='w+', shape=(3,))
    return {'a': v}
