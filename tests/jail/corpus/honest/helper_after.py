import numpy as np


def compute_reward(next_state):
    return {"upright": _bell(next_state.torso_pitch), "speed": next_state.x_velocity}


def _bell(x, width=0.5):
    return np.exp(-np.square(x / width))
