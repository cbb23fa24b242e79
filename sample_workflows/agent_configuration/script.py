"""The concierge's turns, one for each kind of tool."""

from sample_workflows.model_server import Call, Handoff, Rule, Text, ToolCalls

CONCIERGE = "You plan trips"

RULES = [
    Rule(
        "concierge: search the web, count nights",
        ToolCalls.of(Call("nights_between", {"arrival": 3, "departure": 6}), searched="sights of Bergen"),
        instructions=CONCIERGE,
        after="",
    ),
    Rule(
        "concierge: hotel",
        ToolCalls.of(Call("find_hotel", {"city": "Bergen", "nights": 3})),
        instructions=CONCIERGE,
        after="nights_between",
    ),
    Rule(
        "concierge: train",
        ToolCalls.of(Call("next_train", {"origin": "Oslo", "destination": "Bergen"})),
        instructions=CONCIERGE,
        after="find_hotel",
    ),
    Rule("concierge: hand over", Handoff("Booking desk"), instructions=CONCIERGE),
    Rule("booking desk", Text("Booked: three nights in Bergen, train at 08:10."), instructions="You confirm bookings"),
]
