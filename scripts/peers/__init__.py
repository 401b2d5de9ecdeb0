"""Other libraries' implementations, run beside the methods of a comparison."""

from peers.library_layer import LibraryLayer
from peers.peer import Peer
from peers.scikit_learn import ScikitLearn

__all__ = ["LibraryLayer", "Peer", "ScikitLearn"]
