import numpy as np


def compute_reward(obs, next_obs):
    delta = next_obs[..., 8] - obs[..., 8]
    return {"progress": next_obs[:, 8] + 0.1 * delta, "calm": -0.01 * np.linalg.norm(next_obs[:, 9:], axis=-1)}
