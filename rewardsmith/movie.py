"""Files of moving and still pictures: an mp4 being written, frames of one, a frame as JPEG."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import av

Frame = NDArray[np.uint8]
"""(height, width, 3)."""


class Movie:
    """An mp4 being written; a context manager, the file is whole when it is left."""

    def __init__(self, path: Path, rate: Fraction) -> None:
        import av

        self._container = av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"})
        # Threads: as many processes film as there are cores.
        options = {"preset": "veryfast", "crf": "24", "threads": "1"}
        self._stream = self._container.add_stream("libx264", rate=rate, options=options)
        self._stream.pix_fmt = "yuv420p"
        self.frames = 0
        self.size = (0, 0)
        """Width and height."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._mux(None)
        self._container.close()

    def add(self, frame: Frame) -> None:
        """Append a frame; all have the size of the first."""
        picture = _picture(frame)
        if not self.frames:
            self.size = (picture.width, picture.height)
            self._stream.width, self._stream.height = self.size
        self._mux(picture)
        self.frames += 1

    def _mux(self, picture: av.VideoFrame | None) -> None:
        for packet in self._stream.encode(picture):
            self._container.mux(packet)


def stills(film: Path, count: int) -> tuple[bytes, ...]:
    """So many frames of a film as JPEG files, evenly from its first to its last.

    Raises OSError where there is no film.
    """
    import av

    try:
        with av.open(str(film)) as container:
            frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    except av.FFmpegError as error:
        raise OSError(f"{film}: {error}") from error
    places = np.linspace(0, len(frames) - 1, count).round().astype(int)
    return tuple(jpeg(frames[place]) for place in places)


def jpeg(frame: Frame) -> bytes:
    """The frame as a JPEG file."""
    import av

    encoder = av.CodecContext.create("mjpeg", "w")
    assert isinstance(encoder, av.VideoCodecContext)
    picture = _picture(frame).reformat(format="yuvj420p")
    encoder.width, encoder.height = picture.width, picture.height
    encoder.pix_fmt = "yuvj420p"
    encoder.time_base = Fraction(1, 1)
    return b"".join(bytes(packet) for packet in [*encoder.encode(picture), *encoder.encode(None)])


def _picture(frame: Frame) -> av.VideoFrame:
    """H.264 with halved colours wants even sides."""
    import av

    height, width = frame.shape[0] // 2 * 2, frame.shape[1] // 2 * 2
    return av.VideoFrame.from_ndarray(np.ascontiguousarray(frame[:height, :width]), format="rgb24")
