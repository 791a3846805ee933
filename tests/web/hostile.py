"""What a hostile model says: a sound reward, and text that would like to be markup."""

from __future__ import annotations

HOSTILE = "</code><script>document.title='owned'</script><img src=x onerror=\"alert(1)\">"
STAND = '''"""{text}"""
import numpy as np


def compute_reward(next_state):
    # {text}
    return {{"{term}": {scale} - np.abs(next_state.pole_angle)}}
'''


def reply(term: str, scale: float = 1.0) -> str:
    """What the model says: a sound reward, and text that would like to be markup."""
    return f"{HOSTILE}\n\n```python\n{STAND.format(term=term, scale=scale, text=HOSTILE)}```\n"
