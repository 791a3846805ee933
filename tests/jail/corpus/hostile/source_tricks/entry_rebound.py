# replaces compute_reward after its definition
import numpy as np


def compute_reward(next_state):
    return {'a': next_state.x_velocity}


compute_reward = lambda **k: {'a': np.zeros(1)}
