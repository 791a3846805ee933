import math

import numpy as np


SCALE = math.sqrt(2.0) * math.pi


def compute_reward(next_state):
    return {"speed": next_state.x_velocity / SCALE, "upright": np.cos(next_state.torso_pitch)}
