import numpy as np


"""A reward in the manner of the Control Suite."""

_MARGIN_VALUE = 0.1


def _sigmoid(x, value_at_1, kind):
    if kind == "gaussian":
        scale = np.sqrt(-2 * np.log(value_at_1))
        return np.exp(-0.5 * (x * scale) ** 2)
    elif kind == "linear":
        scale = 1 - value_at_1
        scaled = x * scale
        return np.where(np.abs(scaled) < 1, 1 - scaled, 0.0)
    raise ValueError(f"unknown sigmoid {kind!r}")


def tolerance(x, bounds=(0.0, 0.0), margin=0.0, kind="gaussian"):
    lower, upper = bounds
    inside = np.logical_and(lower <= x, x <= upper)
    if margin == 0:
        return np.where(inside, 1.0, 0.0)
    d = np.where(x < lower, lower - x, x - upper) / margin
    return np.where(inside, 1.0, _sigmoid(d, _MARGIN_VALUE, kind))


def compute_reward(next_state, action):
    run = tolerance(next_state.x_velocity, bounds=(10.0, np.inf), margin=10.0, kind="linear")
    small = tolerance(action, margin=1.0).mean(axis=-1)
    return {"run": run, "small_control": (4 + small) / 5}
