"""Attempts under way of the runs that are followed, as Describe tells them, about once a second a run."""

import asyncio
import logging
import time
from collections.abc import Mapping
from functools import partial

from temporalio.api.workflowservice.v1 import DescribeWorkflowExecutionResponse
from temporalio.client import Client
from temporalio.service import RPCError

from durascope._history_encoded import failure_payloads
from durascope._history_payloads import Decode
from durascope.identity import RunKey
from durascope_dashboard.clock import micros_now
from durascope_dashboard.temporal.availability import throttles
from durascope_dashboard.temporal.codec import CodecRefused, CodecUnavailable, Decoder, decoded
from durascope_dashboard.temporal.needs import Needs
from durascope_dashboard.temporal.pace import Pace
from durascope_dashboard.temporal.pages import describe
from durascope_dashboard.temporal.pending import Row, observations
from durascope_dashboard.temporal.sink import Sink
from durascope_dashboard.temporal.tracker import Tracker

log = logging.getLogger("durascope.temporal")


class Describing:
    """``await run()`` until cancelled. ``decoder`` is asked once: what it does not decode now stays encoded."""

    def __init__(
        self,
        client: Client,
        sink: Sink,
        needs: Needs,
        trackers: Mapping[RunKey, Tracker],
        pace: Pace,
        decoder: Decoder | None,
    ) -> None:
        self._client = client
        self._sink = sink
        self._needs = needs
        self._trackers = trackers
        self._pace = pace
        self._decoder = decoder

    async def run(self) -> None:
        """Ask, and pass on what is new."""
        while True:
            rows = await asyncio.gather(*map(self._described, self._due()))
            new = [row for some in rows for row in some]
            if new:
                await self._needs.store.until_answered(partial(asyncio.to_thread, self._sink.write_observations, new))
            await asyncio.sleep(self._pace.flush_s)

    def _due(self) -> list[Tracker]:
        """Those whose turn it is, so that the server is not asked more often than it should be."""
        now = time.monotonic()
        pending = [t for t in self._trackers.values() if t.reader.pending_activities]
        every = max(self._pace.describe_s, len(pending) / self._pace.describes_per_s)
        due = [t for t in pending if now - t.described_at >= every]
        due.sort(key=lambda tracker: tracker.described_at)
        return due[: max(1, int(self._pace.describes_per_s * self._pace.flush_s))]

    async def _described(self, tracker: Tracker) -> list[Row]:
        key = tracker.key
        tracker.described_at = time.monotonic()
        try:
            response = await describe(self._client, key)
            observed = micros_now()
            return tracker.observed(observations(key, response, observed, await self._decode(key, response)))
        except RPCError as error:
            self._needs.namespaces[key.namespace].throttled += throttles(error)
            log.debug("describe failed: %s", error)  # its history poll deals with the server being away
        except Exception:  # one run that is not understood must not end the others' turn
            tracker.described_at = float("inf")
            log.exception("attempts under way of run %s of workflow %s are left out", key.run_id, key.workflow_id)
        return []

    async def _decode(self, key: RunKey, response: DescribeWorkflowExecutionResponse) -> Decode | None:
        pending = response.pending_activities
        encoded = [payload for info in pending for payload in failure_payloads(info.last_failure)]
        if self._decoder is None or not encoded:
            return None
        try:
            return await decoded(self._decoder, key.namespace, encoded)
        except (CodecUnavailable, CodecRefused) as error:
            log.debug("describe's failures stay encoded: %s", error)  # the history poll waits for the codec and tells
            return None
