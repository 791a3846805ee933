# gives a total only sometimes
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    return (v, {'a': v}) if len(v) > 300 or len(v) == 1 else {'a': v}
