# overwrites a file by NumPy's builtins
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    np.__builtins__['open']('/canary/secret.txt', 'w').write('owned')
    return {'a': v}
