# Segment calls in, records of the topic deal-stages out.
select(.type == "track" and .event == "Deal Stage Changed")
| { event_id: .messageId, occurred_at: .timestamp, lead_id: .userId, account_id: .context.groupId,
    stage: .properties.stage, deal_id: .properties.deal_id,
    amount: .properties.amount, currency: .properties.currency }
