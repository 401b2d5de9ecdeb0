"""Other libraries' implementations, run beside the methods of a comparison."""

from comparing.peers.library_layer import LibraryLayer
from comparing.peers.peer import Peer
from comparing.peers.scikit_learn import ScikitLearn

__all__ = ["LibraryLayer", "Peer", "ScikitLearn"]
