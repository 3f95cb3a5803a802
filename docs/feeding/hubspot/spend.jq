# Campaigns in, records of the topic spend out: what a campaign cost, over its days.
$campaigns[].results[] | .properties as $of | select($of.hs_spend_items_sum_amount)
| { event_id: "campaign-\(.id)", occurred_at: "\($of.hs_end_date)T23:59:59Z", channel: $of.channel,
    campaign: $of.hs_name, amount: $of.hs_spend_items_sum_amount, currency: $of.hs_currency_code,
    period_start: "\($of.hs_start_date)T00:00:00Z",
    period_end: ("\($of.hs_end_date)T00:00:00Z" | fromdate + 86400 | todate) }
