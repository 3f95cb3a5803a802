# Contacts and deals in, records of the topic deal-stages out: one for each stage that has a date.
include "common";
{ "lead": "lead", "marketingqualifiedlead": "mql", "salesqualifiedlead": "sql" } as $of_contacts
| { "appointmentscheduled": "opportunity", "qualifiedtobuy": "opportunity", "presentationscheduled": "opportunity",
    "contractsent": "proposal", "closedwon": "won", "closedlost": "lost" } as $of_deals
| ($contacts[] | . as $contact | $of_contacts | to_entries[]
   | { event_id: "contact-\($contact.hs_object_id)-\(.key)",
       occurred_at: at($contact["hs_lifecyclestage_\(.key)_date"]), lead_id: ($contact.hs_object_id | tostring),
       account_id: ($contact["Associated Company IDs"] | first_id), stage: .value }),
  ($deals[] | . as $deal | $of_deals | to_entries[]
   | { event_id: "deal-\($deal.hs_object_id)-\(.key)", occurred_at: at($deal["hs_v2_date_entered_\(.key)"]),
       lead_id: ($deal["Associated Contact IDs"] | first_id), account_id: ($deal["Associated Company IDs"] | first_id),
       stage: .value, deal_id: ($deal.hs_object_id | tostring), amount: $deal.amount,
       currency: $deal.deal_currency_code, owner: ($deal.hubspot_owner_id | tostring) })
| select(.occurred_at)
