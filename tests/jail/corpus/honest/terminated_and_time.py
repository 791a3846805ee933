import numpy as np


def compute_reward(next_state, terminated, t):
    return {
        "speed": next_state.x_velocity,
        "fallen": np.where(terminated, -5.0, 0.0),
        "early": 0.1 * np.exp(-t / 100.0),
    }
