# What several of the programs here need.
def at($text): if ($text // "") == "" then null else ($text | sub(" "; "T")) + ":00Z" end;
def first_id: (. // "" | tostring | split(";")[0]) | if . == "" then null else . end;
def channel: { "ORGANIC_SEARCH": "organic_search", "PAID_SEARCH": "paid_search", "EMAIL_MARKETING": "email",
  "SOCIAL_MEDIA": "organic_social", "PAID_SOCIAL": "paid_social", "REFERRALS": "referral",
  "AI_REFERRALS": "ai_assistant", "DIRECT_TRAFFIC": "direct", "OTHER_CAMPAIGNS": "other" }[. // ""];
def people($contacts): $contacts | map({ (.email | tostring | ascii_downcase):
  { lead_id: (.hs_object_id | tostring), account_id: (.["Associated Company IDs"] | first_id) } }) | add;
