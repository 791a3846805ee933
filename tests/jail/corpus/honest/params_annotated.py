import numpy as np


PARAMS: dict[str, float] = {"w": 2.0}


def compute_reward(next_state, params):
    w = params.get("w", 1.0)
    return {"speed": w * next_state.x_velocity}
