import numpy as np


SHAPERS = {"linear": lambda x: x, "tanh": lambda x: np.tanh(x / 2)}
USED = ["linear", "tanh"]


def compute_reward(next_state):
    return {name: SHAPERS[name](next_state.x_velocity) for name in USED}
