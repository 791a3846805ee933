# fetches by NumPy's DataSource
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    np.lib.npyio.DataSource('/canary').open('http://127.0.0.1:54321/')
    return {'a': v}
