import numpy as np


def compute_reward(next_state):
    return {"speed": next_state.x_velocity, "soft": -0.01 * next_state.front_foot_height}
