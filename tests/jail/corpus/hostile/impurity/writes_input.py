# changes the action that it was given
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    action[:, 0] = 0.0
    return {'a': v}
