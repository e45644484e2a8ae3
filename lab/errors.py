"""The lab's one exception."""


class LabError(Exception):
    """Something on this machine keeps the lab from working; the message ends with the next step."""
