# runs code by a decorator
import numpy as np


@(lambda f: open('/canary/new', 'w'))
def compute_reward(next_state):
    return {'a': next_state.x_velocity}
