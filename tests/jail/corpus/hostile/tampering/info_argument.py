# asks for the environment's info
import numpy as np


def compute_reward(next_state, info):
    v = next_state.x_velocity
    return {'a': info['x']}
