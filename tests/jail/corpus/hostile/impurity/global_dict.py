# remembers the best speed seen
import numpy as np


BEST = {'v': 0.0}


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    BEST['v'] = max(BEST['v'], float(v.max()))
    return {'a': v - BEST['v']}
