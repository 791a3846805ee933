# calls itself without end
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    def f(x):
        return f(x) + 1
    f(1)
    return {'a': v}
