# depends on the order of a set of two words
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    k = [float(len(w)) for w in {'spam', 'eggplant'}]
    v = v * k[0]
    return {'a': v}
