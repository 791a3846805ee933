import numpy as np


def compute_reward(next_state, action):
    ranked = np.sort(np.abs(action), axis=-1)
    both = np.add(next_state.x_velocity, np.insert(ranked, 0, 0.0, axis=1)[:, 0])
    return {"speed": both, "top": -0.1 * ranked[:, -1]}
