import numpy as np


def compute_reward(next_state, action):
    return dict(speed=next_state.x_velocity, effort=-0.1 * np.sum(np.abs(action), axis=-1))
