# Snowplow events in, records of the topic touchpoints out.
def host: (. // "") | sub("^[a-z]+://"; "") | sub("[/:?#].*"; "");
{ "webinar registered": "webinar_registered", "webinar attended": "webinar_attended",
  "webinar question": "webinar_question", "demo booked": "demo_booked" } as $kinds
| { "Google": "gclid", "Microsoft": "msclkid" } as $networks
| (if .event == "page_view" then "page_view"
   elif .event == "struct" then $kinds[.se_category + " " + .se_action] else null end) as $kind
| select($kind)
| { event_id, occurred_at: ((.derived_tstamp // .collector_tstamp) | sub(" "; "T") + "Z"), kind: $kind,
    visitor_id: .domain_userid, lead_id: .user_id,
    utm_source: .mkt_source, utm_medium: .mkt_medium, utm_campaign: .mkt_campaign,
    utm_content: .mkt_content, utm_term: .mkt_term, page_url,
    # A link from page to page of one's own is no source.
    referrer: (if (.page_referrer | host) == (.page_url | host) then null else .page_referrer end),
    click_id: (if .mkt_clickid and $networks[.mkt_network] then $networks[.mkt_network] + "=" + .mkt_clickid
               else null end),
    asset_id: (if .event == "struct" then .se_label else null end) }
