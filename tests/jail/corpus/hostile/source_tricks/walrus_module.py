# binds NumPy's name in an expression
import numpy as np


def compute_reward(next_state, action, t):
    (np := action)
    return {'a': next_state.x_velocity}
