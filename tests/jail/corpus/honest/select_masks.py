import numpy as np


def compute_reward(next_state):
    pitch = np.abs(next_state.torso_pitch)
    mask = pitch < 0.3
    grade = np.select([mask, pitch < 1.0], [1.0, 0.5], default=-1.0)
    bonus = np.zeros_like(pitch)
    bonus[mask] = next_state.x_velocity[mask]
    return {"upright": grade, "bonus": bonus}
