import numpy as np


def smooth(x, rounds=3):
    k = 0
    while k < rounds:
        x = np.tanh(x)
        k += 1
    return x


def compute_reward(next_state):
    return {"speed": smooth(next_state.x_velocity)}
