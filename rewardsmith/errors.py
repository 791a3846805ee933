"""The errors of rewardsmith, by whose they are: the user's, the candidate's, or a limit's."""


class UserError(Exception):
    """The user can mend it: one line that says what to do; the command exits with 2."""


class BackendMissing(UserError):
    """A package that this choice needs is not installed; the message holds the pip line."""


class CandidateError(Exception):
    """A candidate's fault: the run goes on, and the model is told.

    Attributes:
        cause: short machine-readable kind, such as "timeout", "crash", "nonfinite" or "exception".
        for_llm: what the proposer is told, so that it can act on it.
        for_human: what the table and the page show.
    """

    def __init__(self, cause: str, for_llm: str, for_human: str | None = None) -> None:
        super().__init__(for_human or for_llm)
        self.cause = cause
        self.for_llm = for_llm
        self.for_human = for_human or for_llm


class ModelError(Exception):
    """A call to a language model failed for good; the message says what to do about it.

    Attributes:
        outage: whether another request would have failed as well: the server, the network, the key
            or the account is at fault, and not what was asked.
    """

    def __init__(self, message: str, *, outage: bool = False) -> None:
        super().__init__(message)
        self.outage = outage


class LimitReached(Exception):
    """A limit that the user set was reached: the run stops cleanly, exits with 3 and can resume."""


class Cancelled(Exception):
    """Somebody asked the run to stop: its state is saved and it can resume."""


class NoSurvivor(Exception):
    """Every candidate failed, also after the retries: the command exits with 4."""
