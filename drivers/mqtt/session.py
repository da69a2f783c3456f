"""What the broker keeps for us while we are away: the session and its subscriptions."""

import json
from collections.abc import Mapping

from drivers.contract import Batch, Clock, Gap, Intake, Link
from drivers.mqtt import reasons
from drivers.mqtt.client import Client, Terms
from drivers.mqtt.redelivery import Deliveries
from drivers.mqtt.settings import MqttSettings

SUBSCRIBED = "subscribed"
"""Bookmark: the topic filters that our session may have, at any moment; absent without one."""
ALL_TOPICS = "#"


class Session:
    """Our session at the broker, as one connection takes it up."""

    def __init__(
        self, client: Client, settings: MqttSettings, intake: Intake, link: Link, clock: Clock
    ) -> None:
        self._client = client
        self._settings = settings
        self._intake = intake
        self._link = link
        self._clock = clock
        self.is_refused = False
        """The broker refuses a subscription: what is said there is not heard."""

    async def take_up(
        self, terms: Terms, bookmarks: Mapping[str, bytes], deliveries: Deliveries
    ) -> None:
        """Bring in line what we know of the session, and what the broker subscribes us to.

        Raises:
            LinkDown: The connection ended meanwhile.

        """
        self._compare_expiry(terms)
        subscribed: list[str] = []
        if terms.session_present:
            subscribed = json.loads(bookmarks.get(SUBSCRIBED, b"[]"))
        elif SUBSCRIBED in bookmarks:
            await self._record_loss(deliveries)
        await self._subscribe(subscribed)

    def _compare_expiry(self, terms: Terms) -> None:
        """Compare how long the broker keeps the session with what was asked for."""
        asked = self._settings.session_expiry_seconds
        if terms.session_expiry_seconds < asked:
            granted = terms.session_expiry_seconds
            text = f"the broker keeps messages for us for {granted} s only, not for {asked} s"
            self._link.fault("session", text)
        else:
            self._link.mended("session")

    async def _record_loss(self, deliveries: Deliveries) -> None:
        """Forget what belonged to the lost session: its packet ids mean nothing in a new one."""
        reason = (
            f"the broker no longer knows the session of client {self._settings.client_id};"
            " messages that it kept while we were away are lost"
        )
        gap = Gap(ALL_TOPICS, self._clock(), reason)
        forgotten = {**deliveries.forget(deliveries.last), SUBSCRIBED: None}
        await self._intake.commit(Batch(bookmarks=forgotten, gaps=[gap]))

    async def _subscribe(self, subscribed: list[str]) -> None:
        """Make the session's subscriptions those of the settings.

        A subscription is bookmarked before it is made, and forgotten after it
        is ended: none can stay behind unknown, whenever the process dies.
        """
        wanted = [each.topic for each in self._settings.subscriptions]
        outdated = [topic for topic in subscribed if topic not in wanted]
        if set(wanted) - set(subscribed):
            await self._bookmark(wanted + outdated)
        answers = await self._client.subscribe_to(self._settings.subscriptions)
        for each, answer in zip(self._settings.subscriptions, answers, strict=True):
            subject = f"subscription {each.topic}"
            if answer.is_failure:
                self.is_refused = True
                text = reasons.subscription_refused(each.topic, answer.value, answer.getName())
                self._link.fault(subject, text)
            elif answer.value < each.qos:
                text = f"the broker grants QoS {answer.value} only, not {each.qos}"
                self._link.fault(subject, text)
            else:
                self._link.mended(subject)
        if outdated:
            await self._bookmark(wanted + await self._unsubscribe(outdated))

    async def _unsubscribe(self, outdated: list[str]) -> list[str]:
        """End subscriptions that are no longer wanted; return those that go on nevertheless."""
        going_on = []
        for topic, answer in zip(
            outdated, await self._client.unsubscribe_from(outdated), strict=True
        ):
            subject = f"subscription {topic}"
            if answer.is_failure:
                going_on.append(topic)
                text = f"the broker does not end the subscription: {answer.getName().lower()}"
                self._link.fault(subject, text)
            else:
                self._link.mended(subject)
        return going_on

    async def _bookmark(self, topics: list[str]) -> None:
        await self._intake.commit(Batch(bookmarks={SUBSCRIBED: json.dumps(topics).encode()}))
