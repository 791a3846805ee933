"""Pages over stored runs: they read the store and append commands; they run and check nothing.

`serve` starts them; see guard.py for what keeps strangers out. A page never imports what trains,
checks or asks a model: what a person wants of a run is a row in the store, which the loop polls.
"""

from rewardsmith.web.serving import serve

__all__ = ["serve"]
