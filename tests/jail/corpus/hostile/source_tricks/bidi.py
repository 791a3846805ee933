# turns the reading direction in a comment
import numpy as np


def compute_reward(next_state, action, t):
    # ‮ } gnihton
    return {'a': next_state.x_velocity}
