import numpy as np


WEIGHTS = np.array([0.3, 0.2, 0.1, 0.3, 0.2, 0.1])
LIMITS = (-1.0, 1.0)


def compute_reward(next_state, action):
    v = np.clip(next_state.x_velocity / 5.0, *LIMITS)
    return {"speed": v, "effort": -(WEIGHTS * action**2).sum(axis=1), "joints": -np.dot(next_state.joint_velocities**2, WEIGHTS) * 1e-3}
