import numpy as np


def grade(x):
    return 1.0 if x > 0.5 else -1.0


GRADE = np.vectorize(grade)


def compute_reward(next_state):
    return {"grade": GRADE(next_state.x_velocity), "speed": next_state.x_velocity}
