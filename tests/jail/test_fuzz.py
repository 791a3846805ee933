"""Whatever bytes a worker answers with, the parent ends it or takes numbers, and never falls."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from jail_rewards import HONEST, transitions, worker

from rewardsmith.jail import protocol
from rewardsmith.jail.channel import unpack_names
from rewardsmith.jail.service import RewardFault

# The worker writes what it is told into its memory and its pipe, and then answers in earnest.
_LIAR = """
import numpy as np
load = np.__builtins__["__import__"]
sys, os = load("sys"), load("os")
frame = sys._getframe()
while "start" not in frame.f_locals:
    frame = frame.f_back
memory, replies = frame.f_locals["outputs"], frame.f_locals["start"]["replies"]
def compute_reward(state, action, next_state, params, terminated, t):
    memory[:{area}] = bytes.fromhex("{text}").ljust({area}, b"\\0")
    os.write(replies, bytes.fromhex("{reply}"))
    return {{"zero": np.zeros(len(t))}}
"""
_AREA = protocol.TEXT_BYTES + 4 * protocol.NAME_BYTES

replies = st.one_of(
    st.binary(min_size=1, max_size=2 * protocol.REPLY.size),
    st.builds(
        protocol.REPLY.pack,
        st.sampled_from([0, 1, 2, 3, 2**64 - 1]),
        st.integers(0, 5),
        st.sampled_from([0, 1, 2, 4, 32, 33, 2**32 - 1]),
        st.integers(0, 2),
        st.sampled_from([0, 1, 2**32 - 1]),
    ),
)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(reply=replies, text=st.binary(max_size=300))
def test_bytes_of_a_hostile_worker_never_bring_the_parent_down(reply: bytes, text: bytes) -> None:
    code = _LIAR.format(area=_AREA, text=text.hex(), reply=reply.hex())
    code = code.replace("bytes", 'np.__builtins__["bytes"]')
    with worker(code, call_timeout_s=0.3) as running:
        for _ in range(3):
            try:
                rewards = running.compute(transitions(5))
            except RewardFault as fault:
                assert fault.cause in {
                    *("protocol", "timeout", "exception", "shape", "return", "nonfinite"),
                    *("magnitude", "crash"),
                }
                assert fault.for_llm.isprintable() or "\n" in fault.for_llm
            else:
                assert np.isfinite(rewards.total).all() and rewards.total.shape == (5,)
                assert all(protocol.TERM_NAME.fullmatch(name) for name in rewards.terms)
    with worker(HONEST) as running:
        assert np.isfinite(running.compute(transitions(5)).total).all()


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.binary(max_size=6 * protocol.NAME_BYTES))
def test_names_are_names_or_nothing(packed: bytes) -> None:
    names = unpack_names(packed)
    if names is not None:
        assert len(set(names)) == len(names)
        assert all(protocol.TERM_NAME.fullmatch(name) for name in names)
