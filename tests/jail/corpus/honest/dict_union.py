import numpy as np


def compute_reward(next_state, action):
    base = {"speed": next_state.x_velocity}
    costs = {"effort": -0.1 * np.mean(np.square(action), axis=-1)}
    return base | costs
