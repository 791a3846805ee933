# imports a part of NumPy under an innocent name
import numpy.lib.npyio as tools
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity

    return {'a': v}
