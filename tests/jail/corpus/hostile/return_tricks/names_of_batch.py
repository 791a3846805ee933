# names its terms after the batch
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    return {'a' if len(v) > 50 else 'b': v}
