"""Recognises what the broker delivers again although it is committed. Pure.

After a lost connection the broker delivers again, marked DUP and under its
old packet id, whatever it holds no acknowledgement for (MQTT 5.0, section
4.4). Part of that is committed: its acknowledgement was lost, or the process
died before sending it. So each batch is committed together with the packet
ids and digests of its deliveries. A delivery with DUP set, whose packet id is
remembered with the same digest, is only acknowledged.

What is remembered is forgotten once the broker has shown that it received
our acknowledgement (see `barrier`), because from then on it may use the
packet id for another message. What remains is this: within the seconds until
then, the broker uses the packet id again for the very same topic and payload,
and the connection breaks before we have read it. Brokers that number messages
in turn, as mosquitto does, need 65,535 messages in those seconds for that.
"""

import struct
from collections import deque
from collections.abc import Iterable, Mapping
from hashlib import blake2b

from drivers.mqtt.packets import Delivery

PREFIX = "delivered:"
"""Bookmark `delivered:N` holds batch N; a higher number is a later batch."""
PACKET_IDS = 65_535
"""More deliveries cannot be unacknowledged: each has a packet id of its own."""

_ENTRY = struct.Struct("!H8s")


def digest(delivery: Delivery) -> bytes:
    """Return 8 bytes that tell this topic and payload from any other."""
    topic = delivery.topic.encode("utf-8", "surrogatepass")
    return blake2b(b"%d:%b%b" % (len(topic), topic, delivery.payload), digest_size=8).digest()


class Deliveries:
    """The deliveries that the broker may hold no acknowledgement for."""

    def __init__(self, bookmarks: Mapping[str, bytes]) -> None:
        self._batch_of: dict[int, tuple[int, bytes]] = {}
        self._batches: deque[tuple[int, list[int]]] = deque()
        self._size = 0
        self.last = 0
        """Number of the newest batch."""
        stored = {int(key.removeprefix(PREFIX)): key for key in bookmarks if key.startswith(PREFIX)}
        for number in sorted(stored):
            self._remember(number, _ENTRY.iter_unpack(bookmarks[stored[number]]))

    def is_committed(self, delivery: Delivery) -> bool:
        """Tell whether this is a redelivery of what an earlier batch holds."""
        if not delivery.dup:
            return False
        known = self._batch_of.get(delivery.packet_id)
        return known is not None and known[1] == digest(delivery)

    def add(self, deliveries: Iterable[Delivery]) -> dict[str, bytes | None]:
        """Remember deliveries with a packet id as the next batch; return the bookmarks of it.

        Redelivered ones belong to it, too: their new acknowledgement can be lost like the first.
        """
        entries = [(each.packet_id, digest(each)) for each in deliveries]
        if not entries:
            return {}
        self._remember(self.last + 1, entries)
        bookmarks: dict[str, bytes | None] = {
            f"{PREFIX}{self.last}": b"".join(_ENTRY.pack(*entry) for entry in entries)
        }
        while self._size - len(self._batches[0][1]) >= PACKET_IDS:
            bookmarks |= self.forget(self._batches[0][0])
        return bookmarks

    def forget(self, until: int) -> dict[str, None]:
        """Forget all batches up to number `until`; return the bookmarks to remove."""
        removed: dict[str, None] = {}
        while self._batches and self._batches[0][0] <= until:
            number, packet_ids = self._batches.popleft()
            self._size -= len(packet_ids)
            removed[f"{PREFIX}{number}"] = None
            for packet_id in packet_ids:
                if self._batch_of.get(packet_id, (0, b""))[0] == number:
                    del self._batch_of[packet_id]
        return removed

    def _remember(self, number: int, entries: Iterable[tuple[int, bytes]]) -> None:
        packet_ids = []
        for packet_id, content in entries:
            self._batch_of[packet_id] = (number, content)
            packet_ids.append(packet_id)
        self._batches.append((number, packet_ids))
        self._size += len(packet_ids)
        self.last = number
