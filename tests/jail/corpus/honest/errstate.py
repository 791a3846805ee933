import numpy as np


def compute_reward(next_state):
    with np.errstate(divide="ignore"):
        inverse = 1.0 / (1.0 + np.square(next_state.torso_pitch))
    return {"upright": inverse, "speed": next_state.x_velocity}
