# starts from the class object
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    object.__subclasses__()
    return {'a': v}
