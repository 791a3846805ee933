import numpy as np


def compute_reward(next_state):
    v = next_state.x_velocity
    return {"speed": np.where(v > 0.0, v, 2.0 * v)}
