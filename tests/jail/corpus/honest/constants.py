import numpy as np


TARGET = 2.0
WEIGHTS = (1.0, 0.2)
LIMITS = {"pitch": 0.4}


def compute_reward(next_state):
    gap = np.abs(next_state.x_velocity - TARGET)
    tilt = np.maximum(np.abs(next_state.torso_pitch) - LIMITS["pitch"], 0.0)
    return {"gap": -WEIGHTS[0] * gap, "tilt": -WEIGHTS[1] * tilt - 0.01 * np.abs(next_state.torso_pitch)}
