import numpy as np


def compute_reward(next_state):
    if (limit := 3.0) > 1.0:
        speed = np.minimum(next_state.x_velocity, limit)
    else:
        speed = next_state.x_velocity
    return {"speed": speed}
