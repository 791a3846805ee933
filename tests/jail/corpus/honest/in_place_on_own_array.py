import numpy as np


def compute_reward(next_state, action):
    reward = np.zeros(len(action))
    reward += next_state.x_velocity
    reward[next_state.torso_pitch > 0.1] -= 0.5
    return {"reward": reward}
