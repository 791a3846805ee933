# looks into the cells of a closure
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    def outer():
        secret = 1
        return lambda: secret
    outer().__closure__[0].cell_contents
    return {'a': v}
