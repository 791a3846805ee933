# spells eval in wide letters
import numpy as np


def compute_reward(next_state, action, t):
    ｅｖａｌ('1')
    return {'a': next_state.x_velocity}
