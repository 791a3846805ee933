import numpy as np


def compute_reward(next_state, action):
    terms = {}
    terms["speed"] = next_state.x_velocity
    terms["effort"] = -0.1 * np.sum(np.square(action), axis=-1)
    return terms
