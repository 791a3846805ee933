import numpy as np


def speed_of(s):
    return s.x_velocity


def compute_reward(state, next_state):
    return {"faster": speed_of(next_state) - speed_of(state), "speed": speed_of(next_state)}
