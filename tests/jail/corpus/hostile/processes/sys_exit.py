# ends the worker by SystemExit
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    raise SystemExit
    return {'a': v}
