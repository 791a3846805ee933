import numpy as np


def compute_reward(*, next_state, action):
    return {"speed": next_state.x_velocity, "effort": -0.01 * np.abs(action).sum(-1)}
