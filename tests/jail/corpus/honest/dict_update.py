import numpy as np


def compute_reward(next_state):
    terms = {"speed": next_state.x_velocity}
    terms.update({"pitch": -np.abs(next_state.torso_pitch)})
    return terms
