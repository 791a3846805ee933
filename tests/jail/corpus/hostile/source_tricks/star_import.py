# imports everything
from numpy import *


def compute_reward(next_state):
    return {'a': next_state.x_velocity}
