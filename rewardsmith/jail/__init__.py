"""The jail: candidate code runs in a locked child process and answers with floats.

`service.py` is the parent's side and the way in; `lockdown.py` lists what the jail does not stop.
"""
