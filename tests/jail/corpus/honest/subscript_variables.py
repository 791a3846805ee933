import numpy as np


def compute_reward(state, next_state):
    return {"progress": 10 * (next_state["x_position"] - state["x_position"])}
