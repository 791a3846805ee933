# is not UTF-8
import numpy as np
A = 'í³©'


def compute_reward(next_state):
    return {'a': next_state.x_velocity}
