# remembers calls in a global list
import numpy as np


SEEN = []


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    SEEN.append(1)
    return {'a': v * len(SEEN)}
