# is asynchronous
async def compute_reward(next_state):
    return {'a': next_state.x_velocity}
