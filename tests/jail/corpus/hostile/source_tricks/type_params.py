# uses type parameters
import numpy as np


def compute_reward[T: __import__('os')](next_state):
    return {'a': next_state.x_velocity}
