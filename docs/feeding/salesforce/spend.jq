# Campaigns in, records of the topic spend out: the actual cost, over the campaign's days.
include "common";
$campaigns[] | select(.ActualCost != "")
| { event_id: "\(.Id)-cost", occurred_at: (.StartDate + "T00:00:00Z"), channel: (.Type | channel), campaign: .Name,
    amount: .ActualCost, period_start: (.StartDate + "T00:00:00Z"),
    period_end: (.EndDate + "T00:00:00Z" | fromdate + 86400 | todate) }
