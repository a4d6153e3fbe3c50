"""What a model of pictures must know of its data; saved with the run, as a vocabulary is with one of text."""

from typing import ClassVar

import msgspec

from rgnn_jax.errors import UserError


class ImageSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Shape and names of a set of pictures.

    Attributes:
        height: pixels.
        width: pixels.
        channels: 1 for grey, 3 for colour.
        classes: the labels' names, in the order of their numbers; empty where there are no labels.
        factors: names of the known causes of each picture, where they are known.
    """

    FILE: ClassVar[str] = "images.json"

    height: int
    width: int
    channels: int
    classes: tuple[str, ...] = ()
    factors: tuple[str, ...] = ()

    @property
    def shape(self) -> tuple[int, int, int]:
        """(height, width, channels)."""
        return self.height, self.width, self.channels

    @property
    def in_words(self) -> str:
        """The shape for a person, as in 28 x 28 x 1."""
        return f"{self.height} x {self.width} x {self.channels}"

    def to_json(self) -> bytes:
        """The content of a run's `FILE`."""
        return msgspec.json.format(msgspec.json.encode(self), indent=2) + b"\n"

    @classmethod
    def from_json(cls, content: bytes, source: str) -> "ImageSpec":
        """Reads back what `to_json` wrote.

        Raises:
            UserError: where the file is damaged, naming it.
        """
        try:
            return msgspec.json.decode(content, type=cls)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise UserError(f"{source}: not a description of pictures: {error}") from None
