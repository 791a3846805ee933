import numpy as np


def compute_reward(next_state, action):
    terms = {"speed": next_state.x_velocity, "effort": -0.1 * np.square(action).sum(axis=-1)}
    total = sum(terms.values())
    return total, terms
