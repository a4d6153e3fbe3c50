"""The base of every configuration section, and the types its fields are made of."""

from typing import Annotated

import msgspec


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A frozen, validated group of settings."""


class Variant(Section, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind"):
    """A section that is one of several: `kind = "lstm"` chooses the one with `tag="lstm"`."""


# Whole numbers end where int32, which counts steps and indexes arrays on devices, does.
Count = Annotated[int, msgspec.Meta(ge=1, lt=2**31)]
NaturalNumber = Annotated[int, msgspec.Meta(ge=0, lt=2**31)]
Seed = Annotated[int, msgspec.Meta(ge=0, lt=2**32)]
Positive = Annotated[float, msgspec.Meta(gt=0, lt=1e30)]
NonNegative = Annotated[float, msgspec.Meta(ge=0, lt=1e30)]
Reach = Annotated[int, msgspec.Meta(ge=1, le=16)]
Pixels = Annotated[float, msgspec.Meta(ge=0, le=100)]
Share = Annotated[float, msgspec.Meta(gt=0, le=1)]
Fraction = Annotated[float, msgspec.Meta(ge=0, le=1)]
Rate = Annotated[float, msgspec.Meta(ge=0, lt=1)]
