import numpy as np


PARAMS = {"strict": 1.0}


def compute_reward(next_state, params):
    power = 2 if params["strict"] > 0.5 else 1
    return {"speed": next_state.x_velocity, "level": -np.abs(next_state.torso_pitch) ** power}
