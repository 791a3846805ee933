# runs code in the body of a class
import numpy as np


class A:
    open('/canary/new', 'w')


def compute_reward(next_state, action, t):
    return {'a': next_state.x_velocity}
