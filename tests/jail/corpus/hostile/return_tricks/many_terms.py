# returns ten thousand terms
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    return {f'a{i}': v for i in range(10000)}
