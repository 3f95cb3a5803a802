# Campaign members in, records of the topic touchpoints out: registrations, and whoever has responded.
include "common";
leads($leads) as $lead_of
| ($campaigns | map({ (.Id): . }) | add) as $campaign_of
| $members[] | . as $member | $campaign_of[.CampaignId] as $campaign
| (if $campaign.Type == "Webinar" and .Status == "Registered" then "webinar_registered"
   elif .HasResponded != "true" then null
   else { "Webinar": "webinar_attended", "Email": "email_clicked", "Direct Mail": "mail_claimed",
          "Referral Program": "referral_made" }[$campaign.Type] // "click" end) as $kind
| select($kind)
| { event_id: .Id, kind: $kind,
    # The date of a response has no time of day; the member's creation has.
    occurred_at: (if .FirstRespondedDate == "" or (.CreatedDate | startswith($member.FirstRespondedDate))
                  then .CreatedDate else .FirstRespondedDate + "T00:00:00Z" end),
    lead_id: ((.LeadId | text) // $lead_of[.ContactId] // .ContactId),
    channel: ($campaign.Type | channel), utm_campaign: $campaign.Name, asset_id: $campaign.Id }
