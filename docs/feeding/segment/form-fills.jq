# Segment calls in, records of the topic form-fills out.
select(.type == "track" and .event == "Form Submitted")
| { event_id: .messageId, occurred_at: .timestamp, lead_id: .userId, visitor_id: .anonymousId,
    account_id: .context.groupId, form_id: .properties.form_id, form_kind: (.properties.form_kind // "contact"),
    page_url: .context.page.url, asset_id: .properties.asset_id,
    answers: (.properties | del(.form_id, .form_kind, .asset_id) | map_values(tostring)) }
