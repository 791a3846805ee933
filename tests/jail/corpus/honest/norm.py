import numpy as np


def compute_reward(next_state):
    return {"speed": next_state.x_velocity, "calm": -0.01 * np.linalg.norm(next_state.joint_velocities, axis=-1)}
