# hides a soft hyphen in a text
import numpy as np


def compute_reward(next_state, action, t):
    x = 'a­b'
    return {'a': next_state.x_velocity}
