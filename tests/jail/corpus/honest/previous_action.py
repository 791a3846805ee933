import numpy as np


def compute_reward(next_state, action, prev_action):
    jerk = np.sum(np.square(action - prev_action), axis=-1)
    return {"speed": next_state.x_velocity, "smooth": -0.05 * jerk}
