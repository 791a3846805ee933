# depends on the address that a function's text holds
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    digits = [float(c) for c in repr(compute_reward) if c.isdigit()]
    return {'a': v * sum(digits)}
