import numpy as np


KNOTS = [0.0, 0.5, 1.0, 2.0]
PAID = [0.0, 0.2, 1.0, 1.2]


def compute_reward(next_state):
    return {"speed": np.interp(next_state.x_velocity, KNOTS, PAID) + 0.1 * next_state.x_velocity}
