"""The operator's command line of searchsync."""

__version__ = "0.1.0"
