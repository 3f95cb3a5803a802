# Segment calls in, records of the topic touchpoints out.
def host: (. // "") | sub("^[a-z]+://"; "") | sub("[/:?#].*"; "");
{ "Email Delivered": "email_delivered", "Email Opened": "email_opened", "Email Link Clicked": "email_clicked",
  "Email Bounced": "email_bounced", "Unsubscribed": "email_unsubscribed", "Demo Booked": "demo_booked",
  "Feature Used": "product_used" } as $kinds
| (if .type == "page" then "page_view" elif .type == "track" then $kinds[.event] else null end) as $kind
| select($kind)
| { event_id: .messageId, occurred_at: .timestamp, kind: $kind,
    visitor_id: .anonymousId, lead_id: .userId, account_id: .context.groupId,
    utm_source: .context.campaign.source, utm_medium: .context.campaign.medium,
    utm_campaign: (.context.campaign.name // .properties.campaign_name),
    utm_content: .context.campaign.content, utm_term: .context.campaign.term,
    # A link from page to page of one's own is no source.
    referrer: (.context.page | if (.referrer | host) == (.url | host) then null else .referrer end),
    page_url: (.properties.url // .context.page.url),
    asset_id: .properties.email_id }
