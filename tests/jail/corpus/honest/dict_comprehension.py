import numpy as np


NAMES = ("hip", "knee", "foot")


def compute_reward(next_state):
    bends = {f"bend_{name}": -0.1 * next_state.joint_angles[:, i] ** 2 for i, name in enumerate(NAMES)}
    return {"speed": next_state.x_velocity, **bends}
