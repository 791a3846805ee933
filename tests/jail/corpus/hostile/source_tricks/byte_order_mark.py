# carries a byte-order mark inside
import numpy as np


def compute_reward(next_state, action, t):
    x = 1 # ﻿
    return {'a': next_state.x_velocity}
