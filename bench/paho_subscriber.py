"""What paho reaches alone: its own thread, manual acknowledgement, nothing done with a message."""

import threading
import time

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from bench.null_subscriber import RECEIVE_MAXIMUM
from bench.site import Devices
from simulators.broker import Broker


def receive(broker: Broker, devices: Devices, count: int, patience: float) -> float:
    """Return the messages per second at which `count` of them came in and were acknowledged."""
    subscribed, complete = threading.Event(), threading.Event()
    came = 0

    def on_message(client: paho.Client, _: object, message: paho.MQTTMessage) -> None:
        nonlocal came
        client.ack(message.mid, message.qos)
        came += 1
        if came == count:
            complete.set()

    def on_subscribe(*_: object) -> None:
        subscribed.set()

    client = paho.Client(
        CallbackAPIVersion.VERSION2, client_id="paho", protocol=paho.MQTTv5, manual_ack=True
    )
    client.on_message = on_message
    client.on_subscribe = on_subscribe
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    properties.ReceiveMaximum = RECEIVE_MAXIMUM
    client.connect(broker.host, broker.port, properties=properties)
    client.loop_start()
    try:
        client.subscribe("#", qos=1)
        assert subscribed.wait(patience)
        began = time.monotonic()
        devices.begin()
        assert complete.wait(patience), f"paho got {came} of {count}"
        return count / (time.monotonic() - began)
    finally:
        client.disconnect()
        client.loop_stop()
