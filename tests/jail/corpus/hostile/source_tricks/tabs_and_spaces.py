# mixes tabs and spaces
import numpy as np


def compute_reward(next_state, action, t):
    if True:
	return {}
