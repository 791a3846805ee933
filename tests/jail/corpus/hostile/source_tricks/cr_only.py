# hides a line behind a carriage return
import numpy as np
# harmlessimport os


def compute_reward(next_state):
    return {'a': next_state.x_velocity}
