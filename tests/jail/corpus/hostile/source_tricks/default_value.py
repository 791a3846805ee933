# runs code in a default value
import numpy as np


def compute_reward(next_state, t=open('/canary/new', 'w')):
    return {'a': next_state.x_velocity}
