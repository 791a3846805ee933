# raises to a huge power
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    k = pow(3, 2**53 - 1) 
    return {'a': v}
