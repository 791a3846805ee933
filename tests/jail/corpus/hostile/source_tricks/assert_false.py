# fails when it is loaded
assert False
import numpy as np


def compute_reward(next_state, action, t):
    return {'a': next_state.x_velocity}
