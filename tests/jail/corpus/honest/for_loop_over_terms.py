import numpy as np


def compute_reward(next_state, action):
    total = np.zeros_like(next_state.x_velocity)
    for weight, values in ((1.0, next_state.x_velocity), (-0.5, np.abs(next_state.torso_pitch))):
        total = total + weight * values
    return {"mixed": total}
