"""How this repository's sample workers run model calls. The parameters hold for a worker process as a whole."""

from datetime import timedelta

from temporalio.common import RetryPolicy
from temporalio.openai_agents import ModelActivityParameters

MODEL_PARAMETERS = ModelActivityParameters(
    # One attempt: how long a model may think. A lost worker is noticed by the missing heartbeat much sooner.
    start_to_close_timeout=timedelta(seconds=30),
    heartbeat_timeout=timedelta(seconds=5),
    # Waiting for a free worker. This timeout is final (Temporal does not retry it), so it is generous.
    schedule_to_start_timeout=timedelta(minutes=10),
    # A provider's Retry-After overrides the interval of the attempt that it answers.
    retry_policy=RetryPolicy(
        initial_interval=timedelta(milliseconds=500),
        backoff_coefficient=2.0,
        maximum_interval=timedelta(seconds=5),
        maximum_attempts=4,
    ),
)
