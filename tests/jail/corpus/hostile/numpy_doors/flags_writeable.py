# makes the inputs writable by their flags
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    action.flags.writeable = True
    return {'a': v}
