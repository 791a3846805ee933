# hides an iterator in a tuple in a dict
import numpy as np


M = {'a': (iter(range(10**9)),)}


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    k = next(M['a'][0])
    v = np.where(k > 5000, -v, v)
    return {'a': v}
