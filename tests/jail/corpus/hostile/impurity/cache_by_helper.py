# caches through a helper
import numpy as np


CACHE = {}
def remember(cache):
    cache['n'] = cache.get('n', 0) + 1
    return cache['n']


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    return {'a': v * remember(CACHE)}
