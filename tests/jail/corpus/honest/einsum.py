import numpy as np


def compute_reward(next_state, action):
    power = np.einsum("ij,ij->i", action, next_state.joint_velocities)
    return {"speed": next_state.x_velocity, "power": -0.01 * np.abs(power)}
