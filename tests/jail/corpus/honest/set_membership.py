import numpy as np


LEGS = {"back", "front"}


def compute_reward(next_state):
    terms = {}
    for leg in ("back", "front", "none"):
        if leg in LEGS:
            terms[leg] = -next_state[f"{leg}_foot_height"]
    terms["speed"] = next_state.x_velocity
    return terms
