import numpy as np


def compute_reward(next_state, action):
    a, b, c, *rest = action.T
    return {"front": -0.1 * (a**2 + b**2 + c**2), "back": -0.1 * sum(r**2 for r in rest), "speed": next_state.x_velocity}
