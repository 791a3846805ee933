import numpy as np


def compute_reward(next_state, action):
    upright = 1.0 / (1.0 + np.exp(5 * (np.abs(next_state.torso_pitch) - 0.5)))
    speed = np.maximum(next_state.x_velocity, 0.0)
    total = upright * speed
    return total, {"upright": upright, "speed": speed}
