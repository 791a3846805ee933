import numpy as np


def compute_reward(next_state):
    label = f"speed_{2:.1f}".replace(".", "_")
    return {label: next_state.x_velocity, "x" + "_" + "y": 0.1 * next_state.z_velocity}
