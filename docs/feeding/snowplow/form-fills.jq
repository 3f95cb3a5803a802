# Snowplow events in, records of the topic form-fills out: submissions of a person who is known.
{ "newsletter": "newsletter", "webinar-jan": "webinar", "demo": "demo_request" } as $kinds
| select(.event_name == "submit_form" and .user_id)
| .unstruct_event.data as $form
| { event_id, occurred_at: (.derived_tstamp | sub(" "; "T") + "Z"), lead_id: .user_id, visitor_id: .domain_userid,
    form_id: $form.formId, form_kind: ($kinds[$form.formId] // "contact"), page_url,
    answers: ($form.elements | map({ (.name): .value }) | add) }
