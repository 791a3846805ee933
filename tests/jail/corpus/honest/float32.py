import numpy as np


def compute_reward(next_state):
    return {"speed": next_state.x_velocity.astype(np.float32)}
