import numpy as np


def compute_reward(next_state, action):
    bends = [np.square(next_state.joint_angles[:, i]) for i in range(6)]
    return {"speed": next_state.x_velocity, "bend": -0.05 * sum(bends)}
