"""Three analysts in parallel; one fails for good. The panel reports what the others found and says what is missing."""

import asyncio
from dataclasses import dataclass

from agents import Agent, Runner, custom_span, trace
from temporalio import workflow

ANALYSTS = ("market", "technology", "risk")


@dataclass
class PanelReport:
    """Partial results are results: ``missing`` names the analysts that failed."""

    findings: dict[str, str]
    missing: list[str]


@workflow.defn
class PanelWorkflow:
    """Asks a panel of analysts."""

    @workflow.run
    async def run(self, company: str) -> PanelReport:
        """Findings of all who answered."""
        with trace("Analyst panel"), custom_span("Analyse in parallel", data={"analysts": len(ANALYSTS)}):
            # return_exceptions keeps one failure from cancelling the others.
            answers = await asyncio.gather(*(self._ask(name, company) for name in ANALYSTS), return_exceptions=True)
        findings = {name: answer for name, answer in zip(ANALYSTS, answers, strict=True) if isinstance(answer, str)}
        # Cancellation is no failure of an analyst: let it through.
        for answer in answers:
            if isinstance(answer, asyncio.CancelledError):
                raise answer
        return PanelReport(findings, [name for name in ANALYSTS if name not in findings])

    async def _ask(self, name: str, company: str) -> str:
        analyst = Agent(name=f"{name.title()} analyst", model="gpt-4o-mini", instructions=f"You analyse {name}.")
        return str((await Runner.run(analyst, company)).final_output)
