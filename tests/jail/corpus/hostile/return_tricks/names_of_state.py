# names its terms after the state
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    return {'fast' if v.max() > 0.5 else 'slow': v, 'x': v * (v.max() > 0.5)}
