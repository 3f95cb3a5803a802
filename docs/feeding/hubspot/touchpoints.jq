# Contacts, and the events of marketing emails, in; records of the topic touchpoints out.
include "common";
{ "SENT": "email_sent", "DELIVERED": "email_delivered", "OPEN": "email_opened", "CLICK": "email_clicked",
  "BOUNCE": "email_bounced" } as $kinds
| people($contacts) as $people
| ($contacts[]
   | { lead_id: (.hs_object_id | tostring), account_id: (.["Associated Company IDs"] | first_id) } as $who
   | { event_id: "contact-\(.hs_object_id)-first", occurred_at: at(.hs_analytics_first_timestamp),
       channel: (.hs_analytics_source | channel), data: .hs_analytics_source_data_1, page_url: .hs_analytics_first_url },
     (select(.hs_latest_source_timestamp != .hs_analytics_first_timestamp)
      | { event_id: "contact-\(.hs_object_id)-latest", occurred_at: at(.hs_latest_source_timestamp),
          channel: (.hs_latest_source | channel), data: .hs_latest_source_data_1, page_url: null })
   | select(.channel and .occurred_at)
   | { event_id, occurred_at, kind: "page_view", channel,
       utm_campaign: (if .channel | startswith("paid_") then .data else null end), page_url } + $who),
  ($events[].events[] | select($kinds[.type])
   | { event_id: .id, occurred_at: .created, kind: $kinds[.type], asset_id: (.emailCampaignId | tostring),
       page_url: .url } + ($people[.recipient | ascii_downcase] // empty))
