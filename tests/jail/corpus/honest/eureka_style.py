import math
import numpy as np


def compute_reward(state, action, next_state):
    # Reward for forward motion
    velocity_temperature = 0.5
    velocity_reward = np.exp(np.clip(next_state.x_velocity, -5, 2) / velocity_temperature) / 10

    # Penalty for leaning
    pitch_temperature = 0.2
    pitch_reward = np.exp(-np.abs(next_state.torso_pitch) / pitch_temperature)

    # Penalty for large actions
    action_penalty = -0.1 * np.sum(action**2, axis=1)

    total_reward = velocity_reward + 0.5 * pitch_reward + action_penalty
    individual_rewards = {
        "velocity_reward": velocity_reward,
        "pitch_reward": 0.5 * pitch_reward,
        "action_penalty": action_penalty,
    }
    return total_reward, individual_rewards
