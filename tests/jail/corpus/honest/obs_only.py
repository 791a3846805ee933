import numpy as np


def compute_reward(obs, next_obs, action):
    change = np.sum(np.abs(next_obs - obs), axis=-1)
    return {"change": change, "place": next_obs[:, 0]}
