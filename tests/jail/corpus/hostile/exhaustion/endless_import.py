# never finishes loading
import numpy as np


while True:
    pass


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity

    return {'a': v}
