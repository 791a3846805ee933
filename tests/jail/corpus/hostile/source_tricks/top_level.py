# runs code when it is loaded
import numpy as np

np.save('/canary/new.npy', np.ones(3))


def compute_reward(next_state, action, t):
    return {'a': next_state.x_velocity}
