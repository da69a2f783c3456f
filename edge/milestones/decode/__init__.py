"""Decode: from what a device said to observations in warehouse words.

Pure. `ObservationSettings` says what the signals of a subject mean, `Decoder`
applies it, `Malformed` says why a signal is not what its mapping says. A
format of payload is one file in `formats`.
"""

from edge.milestones.decode.decoder import Decoder
from edge.milestones.decode.part import Malformed
from edge.milestones.decode.settings import ObservationSettings, fields_of, sources_of
from edge.milestones.decode.subject import overlaps

__all__ = [
    "Decoder",
    "Malformed",
    "ObservationSettings",
    "fields_of",
    "overlaps",
    "sources_of",
]
