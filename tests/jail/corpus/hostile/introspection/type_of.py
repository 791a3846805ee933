# makes a class out of a metaclass
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    type('X', (), {})()
    return {'a': v}
