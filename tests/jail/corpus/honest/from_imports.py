from math import pi

from numpy import clip, cos


def compute_reward(next_state):
    return {"speed": clip(next_state.x_velocity, -2, 5), "upright": cos(next_state.torso_pitch / pi)}
