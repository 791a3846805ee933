# carries a terminal's escape
import numpy as np


def compute_reward(next_state, action, t):
    # [2J
    return {'a': next_state.x_velocity}
