import numpy


def compute_reward(next_state, action):
    return {"speed": next_state.x_velocity, "effort": -0.1 * numpy.linalg.norm(action, axis=-1)}
