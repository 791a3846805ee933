# multiplies until the number fills memory
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    x = 3
    for _ in range(60):
        x = x * x
    return {'a': v}
