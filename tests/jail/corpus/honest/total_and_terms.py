import numpy as np


def compute_reward(next_state, action):
    speed = np.clip(next_state.x_velocity, -1.0, 4.0)
    upright = 0.5 + 0.5 * np.cos(next_state.torso_pitch)
    gated = speed * upright
    return gated, {"speed": speed, "upright": upright}
