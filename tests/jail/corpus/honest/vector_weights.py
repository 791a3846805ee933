import numpy as np


WEIGHTS = np.array([1.0, 0.8, 0.6, 1.0, 0.8, 0.6])


def compute_reward(next_state, action):
    return {"speed": next_state.x_velocity, "effort": -0.05 * (np.square(action) @ WEIGHTS)}
