"""What messages to users are made of."""

from datamodules.messages.listed import counted, leave, listed

__all__ = ["counted", "leave", "listed"]
