# prints to the terminal
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    print('hello from inside')
    return {'a': v}
