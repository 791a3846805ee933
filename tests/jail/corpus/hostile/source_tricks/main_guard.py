# looks whether it is the program
if __name__ == '__main__':
    pass

import numpy as np


def compute_reward(next_state, action, t):
    return {'a': next_state.x_velocity}
