# puts its own object in NumPy's place
import numpy as np

np = [1]


def compute_reward(next_state, action, t):
    return {'a': next_state.x_velocity}
