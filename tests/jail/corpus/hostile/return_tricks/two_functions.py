# defines compute_reward twice
import numpy as np


def compute_reward(action):
    return {'a': action[:, 0]}


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity

    return {'a': v}
