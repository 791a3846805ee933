# counts by a closure
import numpy as np


def make():
    n = 0
    def step():
        nonlocal n
        n += 1
        return n
    return step
STEP = make()


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    return {'a': v * STEP()}
