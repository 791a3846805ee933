import numpy as np


def compute_reward(state, action, next_state):
    # Stage 1: stay level. Stage 2: once level, move.
    level = np.abs(next_state.torso_pitch) < 0.15
    reward_level = -np.abs(next_state.torso_pitch)
    reward_forward = np.where(level, 1.0 * next_state.x_velocity, 0.2 * next_state.x_velocity)
    # Regularisation
    reward_action = -0.001 * np.sum(np.square(action), axis=-1)
    reward_joint = -0.0005 * np.sum(np.abs(next_state.joint_velocities), axis=-1)
    return {
        "level": reward_level,
        "forward": reward_forward,
        "action": reward_action,
        "joints": reward_joint,
    }
