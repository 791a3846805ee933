import numpy as np


PARAMS = {"speed_weight": 1.5, "tilt_scale": 0.3, "effort_weight": 0.05}


def compute_reward(next_state, action, params):
    upright = np.exp(-np.square(next_state.torso_pitch / params["tilt_scale"]))
    return {
        "speed": params["speed_weight"] * next_state.x_velocity,
        "upright": upright,
        "effort": -params["effort_weight"] * np.sum(np.square(action), axis=-1),
    }
