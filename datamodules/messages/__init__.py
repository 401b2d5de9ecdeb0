"""What messages to users are made of."""

from datamodules.messages.listed import are, counted, leave, listed
from datamodules.messages.shown import shortened, shown

__all__ = ["are", "counted", "leave", "listed", "shortened", "shown"]
