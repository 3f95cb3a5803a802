# Companies in, records of the topic accounts out.
$companies[]
| { account_id: (.hs_object_id | tostring), name, industry: (.industry | ascii_downcase),
    is_target: (.hs_is_target_account == "true" or .hs_is_target_account == true),
    # No is_customer: what is one today was none when these touches happened. The won deal says it, at its time.
    tier: .hs_ideal_customer_profile,
    company_size: ((.numberofemployees | tonumber? // 0)
      | if . > 1000 then "1000+" elif . > 200 then "201-1000" elif . > 50 then "51-200" else "1-50" end) }
