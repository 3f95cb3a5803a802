# What several of the programs here need.
def text: if . == "" then null else . end;
# A person is one lead, before and after the conversion to a contact.
def leads($leads): $leads | map(select(.ConvertedContactId != "") | { (.ConvertedContactId): .Id }) | add // {};
# The channel of a campaign, by its type.
def channel: { "Webinar": "webinar", "Trade Show": "event", "Conference": "event", "Advertisement": "display",
  "Email": "email", "Direct Mail": "direct_mail", "Partners": "partner", "Referral Program": "referral",
  "Public Relations": "pr", "Banner Ads": "display" }[.] // "other";
