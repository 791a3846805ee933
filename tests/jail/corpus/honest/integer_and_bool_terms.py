import numpy as np


def compute_reward(next_state):
    return {"fast": next_state.x_velocity > 0.4, "speed": next_state.x_velocity, "steps": np.floor(3 * next_state.x_velocity).astype(int)}
