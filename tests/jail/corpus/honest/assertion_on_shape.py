import numpy as np


def compute_reward(next_state, action):
    assert action.ndim == 2, "a batch of actions"
    return {"speed": next_state.x_velocity, "effort": -0.1 * np.sum(action**2, -1)}
