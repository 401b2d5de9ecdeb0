"""What messages to users are made of."""

from datamodules.messages.listed import counted, leave, listed
from datamodules.messages.shown import shortened, shown

__all__ = ["counted", "leave", "listed", "shortened", "shown"]
