import numpy as np


def compute_reward(params, next_state, t, action, state):
    moved = next_state.x_position - state.x_position
    return {"moved": moved, "effort": -0.1 * np.square(action).sum(axis=1)}
