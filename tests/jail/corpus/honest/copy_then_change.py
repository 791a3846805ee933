import numpy as np


def compute_reward(next_state):
    v = next_state.x_velocity.copy()
    v[v < 0.0] *= 2.0
    return {"speed": v}
