import numpy as np


def compute_reward(next_state):
    v = next_state.x_velocity
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(np.abs(v) > 1e-3, next_state.z_velocity / v, 0.0)
    return {"ratio": -np.clip(np.abs(ratio), 0, 5), "speed": v}
