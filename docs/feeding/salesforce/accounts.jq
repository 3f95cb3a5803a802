# Accounts in, records of the topic accounts out.
$accounts[]
| { account_id: .Id, name: .Name, industry: (.Industry | ascii_downcase), is_target: (.Target_Account__c == "true"),
    # No is_customer: what is one today was none when these touches happened. The won deal says it, at its time.
    company_size: ((.NumberOfEmployees | tonumber? // 0)
      | if . > 1000 then "1000+" elif . > 200 then "201-1000" elif . > 50 then "51-200" else "1-50" end) }
