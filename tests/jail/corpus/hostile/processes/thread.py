# starts a thread that goes on after the call
import numpy as np


def compute_reward(state, action, next_state, t):
    v = next_state.x_velocity
    np.__builtins__['__import__']('_thread').start_new_thread(lambda: None, ())
    return {'a': v}
