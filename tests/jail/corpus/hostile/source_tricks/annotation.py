# runs code in an annotation
import numpy as np


def compute_reward(next_state: open('/canary/new', 'w')):
    return {'a': next_state.x_velocity}
