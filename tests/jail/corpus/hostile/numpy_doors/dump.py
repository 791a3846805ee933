# pickles an array into a file
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    action.dump('/canary/secret.txt')
    return {'a': v}
