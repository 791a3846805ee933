from numpy import exp, square, sum as total


def compute_reward(next_state, action):
    return {"speed": next_state.x_velocity, "calm": exp(-total(square(action), axis=-1))}
