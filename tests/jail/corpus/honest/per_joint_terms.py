import numpy as np


def compute_reward(next_state, action):
    power = np.abs(action * next_state.joint_velocities)
    terms = {f"joint_{i}": -0.001 * power[:, i] for i in range(power.shape[1])}
    terms.update(speed=next_state.x_velocity)
    return terms
