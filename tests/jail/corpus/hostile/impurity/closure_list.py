# counts in a list that a closure holds
import numpy as np


def make():
    seen = [0]
    def step():
        seen[0] = seen[0] + 1
        return seen[0]
    return step
STEP = make()


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    return {'a': v * STEP()}
