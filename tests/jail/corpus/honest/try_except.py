import numpy as np


def compute_reward(next_state):
    try:
        scale = 1.0 / float(len(next_state.x_velocity) > 0)
    except ZeroDivisionError:
        scale = 1.0
    return {"speed": scale * next_state.x_velocity}
