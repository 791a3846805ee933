# depends on the order of a set
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    names = {'spam', 'eggs', 'ham', 'tea', 'pie', 'jam', 'rye'}
    return {'a': v * (1 + list(names).index('ham')) + list(names).index('jam')}
