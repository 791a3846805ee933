# follows the context of an exception
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    try:
        1 / 0
    except ZeroDivisionError as error:
        error.__context__
    return {'a': v}
