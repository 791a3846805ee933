import numpy as np


def compute_reward(next_state, action):
    parts = []
    parts.append(next_state.x_velocity)
    parts.extend([-0.1 * np.sum(action**2, axis=1)])
    seen = set()
    seen.add("x")
    out = np.zeros(len(action))
    for part in parts:
        out += part
    scratch = action.copy()
    scratch *= 0.5
    scratch.sort(axis=1)
    return out, {"speed": parts[0], "effort": parts[1], "top": 0.0 * scratch[:, -1]}
