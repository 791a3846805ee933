# raises what nobody expects
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    raise BaseException('out')
    return {'a': v}
