# changes an observation by a view
import numpy as np


def compute_reward(next_state, next_obs):
    v = next_state.x_velocity
    k = next_obs[:, 0].reshape(-1)
    k += 1.0
    return {'a': v}
