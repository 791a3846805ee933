import numpy as np


Array = np.ndarray


def compute_reward(state: State, next_state: NextState, action: Array) -> dict[str, Array]:
    moved: Array = next_state.x_position - state.x_position
    return {"moved": moved, "effort": -0.01 * np.sum(action * action, axis=1)}
