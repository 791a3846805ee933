# reaches a base class by super
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    super().__init__()
    return {'a': v}
