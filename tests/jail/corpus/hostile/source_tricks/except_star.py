# catches by groups
import numpy as np


def compute_reward(next_state, action, t):
    try:
        1 / 0
    except* ZeroDivisionError:
        pass
    return {'a': next_state.x_velocity}
