# Leads, their history, and the history of opportunities in; records of the topic deal-stages out.
include "common";
leads($leads) as $lead_of
| ($opportunities | map({ (.Id): . }) | add) as $opportunity_of
| { "Marketing Qualified": "mql", "Working - Contacted": "sal", "Unqualified": "disqualified" } as $of_leads
| { "Prospecting": "opportunity", "Qualification": "opportunity", "Needs Analysis": "opportunity",
    "Value Proposition": "opportunity", "Id. Decision Makers": "opportunity", "Perception Analysis": "opportunity",
    "Proposal/Price Quote": "proposal", "Negotiation/Review": "proposal",
    "Closed Won": "won", "Closed Lost": "lost" } as $of_deals
| ($leads[]
   | { event_id: "\(.Id)-created", occurred_at: .CreatedDate, lead_id: .Id, stage: "lead",
       account_id: (.ConvertedAccountId | text) },
     (select(.IsConverted == "true")
      | { event_id: "\(.Id)-converted", occurred_at: (.ConvertedDate + "T00:00:00Z"), lead_id: .Id, stage: "sql",
          account_id: (.ConvertedAccountId | text) })),
  ($history[] | select(.Field == "Status" and $of_leads[.NewValue])
   | { event_id: .Id, occurred_at: .CreatedDate, lead_id: .LeadId, stage: $of_leads[.NewValue] }),
  ($stages[] | $opportunity_of[.OpportunityId] as $opportunity
   | { event_id: .Id, occurred_at: .CreatedDate, lead_id: ($lead_of[$opportunity.ContactId] // $opportunity.ContactId),
       account_id: $opportunity.AccountId, stage: $of_deals[.StageName], deal_id: .OpportunityId,
       amount: .Amount, probability: ((.Probability | tonumber) / 100), owner: $opportunity.OwnerId })
