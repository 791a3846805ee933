import numpy as np


UP = np.array([0.0, 0.0, 1.0])


def compute_reward(next_state):
    z = np.zeros(len(next_state.torso_pitch))
    axis = np.stack([np.sin(next_state.torso_pitch), z, np.cos(next_state.torso_pitch)], axis=-1)
    tilt = np.linalg.norm(np.cross(axis, UP), axis=-1)
    return {"tilt": -tilt, "up": axis @ UP, "speed": next_state.x_velocity}
