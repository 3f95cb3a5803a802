# Segment calls in, records of the topic accounts out.
select(.type == "group")
| { account_id: .groupId, name: .traits.name, industry: .traits.industry, is_target: (.traits.is_target // false),
    company_size: ((.traits.employees // "" | tonumber? // 0)
      | if . > 1000 then "1000+" elif . > 200 then "201-1000" elif . > 50 then "51-200" else "1-50" end) }
