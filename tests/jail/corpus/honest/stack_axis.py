import numpy as np


def compute_reward(next_state, action):
    feet = np.stack([next_state.back_foot_height, next_state.front_foot_height], axis=1)
    both = np.concatenate([feet, action], axis=1)
    return {"low": -feet.max(axis=1), "spread": -0.01 * both.std(axis=1), "speed": next_state.x_velocity}
