import numpy as np


def compute_reward(next_state):
    v = next_state.x_velocity
    return {"speed": np.piecewise(v, [v < 0, (v >= 0) & (v < 2), v >= 2], [lambda x: 2 * x, lambda x: x, 2.0])}
