import numpy as np


def compute_reward(next_state):
    angle = np.arctan2(np.sin(next_state.torso_pitch), np.cos(next_state.torso_pitch))
    return {"speed": next_state.x_velocity, "level": -np.abs(angle)}
