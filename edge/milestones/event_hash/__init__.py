"""The EPCIS Event Hash ID of GS1: one id for one event, whoever holds it and however it is spelled.

GS1, Core Business Vocabulary (CBV) 2.0, section 8.9.2. An event is written as
one text, the pre-hash string, in which fields and values have one order and one
form; the id is the SHA-256 of that text in a URI of RFC 6920.

Our own, because epcis-event-hash-generator, the implementation of the standard's
author, says that it is "not meant for production", had its last release in 2023
and needs Flask, PyLD and lxml. Its vectors are among the tests. Where the words
of the standard and the hashes that it prints differ, the hashes decide: see `order`.
"""

from edge.milestones.event_hash.documents import events_in
from edge.milestones.event_hash.hashing import event_hash, pre_hash
from edge.milestones.event_hash.values import Unhashable

__all__ = ["Unhashable", "event_hash", "events_in", "pre_hash"]
