import numpy as np


Q = np.diag([1.0, 0.5, 0.25, 1.0, 0.5, 0.25])


def compute_reward(next_state, action):
    quad = np.einsum("ni,ij,nj->n", action, Q, action)
    return {"cost": -0.1 * quad, "speed": next_state.x_velocity}
