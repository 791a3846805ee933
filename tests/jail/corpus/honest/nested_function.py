import numpy as np


def compute_reward(next_state, action):
    def bounded(x, limit):
        return limit * np.tanh(x / limit)

    return {"speed": bounded(next_state.x_velocity, 3.0), "effort": -0.1 * (action**2).sum(-1)}
