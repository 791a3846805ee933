import math as m

import numpy as np

SCALE = m.sqrt(2.0) / m.pi


def compute_reward(next_state):
    return {"speed": SCALE * next_state.x_velocity, "pitch": -np.abs(next_state.torso_pitch) / m.radians(30)}
