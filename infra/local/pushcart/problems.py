"""The one kind of failure a command explains in a sentence instead of a traceback."""


class CommandFailed(Exception):
    """Something the person at the keyboard can act on; the message is one plain sentence."""
