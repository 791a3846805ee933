# iterates a union of sets
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    names = {'spam'} | {'eggs'}
    v = v * [len(n) for n in names][0]
    return {'a': v}
