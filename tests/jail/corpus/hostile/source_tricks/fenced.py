# still stands in its fences
```python
import numpy as np


def compute_reward(next_state, action, t):
    return {'a': next_state.x_velocity}
```
