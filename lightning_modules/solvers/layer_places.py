"""Where the entries of a layer's matrix (W b) stand in a vector like θ."""

import torch
from torch import Tensor


class LayerPlaces:
    """Reads and writes them; where W, row by row, and b each stand in one piece, by slices, without an index for each entry.

    Args:
        places: of the entries (g, out, in); a device's are not looked at, for which the host would wait.
    """

    def __init__(self, places: Tensor) -> None:
        self._places = places
        self._pieces: list[tuple[slice, slice]] = []  # columns of the matrix, places in θ
        if places.device.type != "cpu" or len(places) > 1:
            return
        for columns in ([slice(None)], [slice(-1), slice(-1, None)]):
            pieces = [(each, _piece(places[0, :, each])) for each in columns]
            if all(piece is not None for _, piece in pieces):
                self._pieces = [(each, piece) for each, piece in pieces if piece is not None]
                return

    def of(self, v: Tensor) -> Tensor:
        """(p,) -> (g, out, in)."""
        if not self._pieces:
            return v[self._places]
        out = self._places.shape[1]
        parts = [v[piece].view(1, out, -1) for _, piece in self._pieces]
        return parts[0] if len(parts) == 1 else torch.cat(parts, 2)

    def put(self, result: Tensor, matrix: Tensor) -> None:
        """Write a matrix (g, out, in) into a vector (p,)."""
        if not self._pieces:
            result[self._places] = matrix
        for columns, piece in self._pieces:
            result[piece].view(len(matrix[0]), -1).copy_(matrix[0, :, columns])


def _piece(places: Tensor) -> slice | None:
    """The slice that they are (out, in), row by row, if they are one."""
    first, count = int(places[0, 0]) if places.numel() else 0, places.numel()
    is_one = torch.equal(places.reshape(-1), torch.arange(first, first + count))
    return slice(first, first + count) if is_one else None
