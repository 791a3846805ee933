"""What the exit code of the command says; README.md tells users."""

FAILED = 1
"""Something failed, or was refused."""
USAGE = 2
LIMIT = 3
"""The user's limit was reached; the run can go on with a larger one."""
NO_SURVIVOR = 4
INTERRUPTED = 130
"""As a shell says of what Ctrl-C ended; the state is saved."""
