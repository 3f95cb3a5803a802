//! Configurations the histories are folded with, in pieces that go together.

pub const PLAIN: &str = r#"
[time]
settle = "20d"
windows = ["1h", "1d", "1w", "1mo", "1q", "1y", "7d", "30d", "all", "now"]
[attribution]
models = ["first", "last", "last_non_direct", "linear", "w_shaped", "time_decay", "markov", "shapley"]
[attribution.data_driven]
stages = ["mql", "opportunity", "won"]
min_conversions = 2
[feedback]
stages = ["mql", "opportunity", "won"]
lookback = "10d"
[money.rates]
EUR = 1.1
CNY = 0.14
"#;

/// Rules of every kind over what the generator says of leads.
pub const SCORED: &str = r#"
[scoring]
threshold = 25
activation_threshold = 5
[scoring.engagement]
page_view = 1
email_clicked = 5
webinar_attended = 15
demo_booked = 25
content_read = 3
form_contact = 10
form_demo_request = 25
form_content = 5
[scoring.caps]
page_view = 8
content_read = 9
[[scoring.fit]]
field = "company_size"
in = ["201-1000", "1000+"]
points = 15
[[scoring.fit]]
field = "account.is_target"
equals = true
points = 5
[[scoring.reject]]
reason = "region"
field = "region"
equals = "latam"
[[scoring.reject]]
reason = "customer"
field = "account.is_customer"
equals = true
[[routes]]
route = "sales"
when = [{ field = "grade", in = ["A", "B"] }]
[[routes]]
route = "odd"
when = [{ field = "lead_id", regex = "[13579]" }, { field = "segment", in = ["enterprise", "in pipeline"] }]
[[routes]]
route = "nurture"
when = []
[[segments]]
segment = "enterprise"
when = [{ field = "company_size", equals = "1000+" }]
[[segments]]
segment = "in pipeline"
when = [{ field = "stage", in = ["sql", "opportunity", "proposal", "won"] }]
[[segments]]
segment = "graded"
when = [{ field = "grade", in = ["A", "B", "C"] }]
"#;

/// What rows of money and of targets are compared with.
pub const PLANNED: &str = r#"
[funnel.probability]
opportunity = 0.2
proposal = 0.75
[money]
gross_margin = 0.7
lifetime_multiple = 2.5
baseline_channel = "paid_search"
[[budgets]]
channel = "paid_search"
window = "1mo"
amount = 20000
[[budgets]]
channel = "paid_social"
window = "1mo"
amount = 12000.5
[[budgets]]
channel = "paid_search"
window = "1w"
amount = 4000
[[budgets]]
channel = "webinar"
window = "1w"
amount = 1000
[goals]
holidays = ["2026-01-01", "2026-01-19"]
[goals.ratios]
mql = 0.5
[[goals.targets]]
kpi = "leads"
window = "1w"
target = 20
[[goals.targets]]
kpi = "win_ratio"
window = "1mo"
target = 0.4
[[goals.targets]]
kpi = "spend"
window = "1w"
target = 300
[[goals.targets]]
kpi = "revenue"
window = "1mo"
target = 50000
[[goals.targets]]
kpi = "revenue"
window = "1w"
target = 9000
start = "2026-01-12"
"#;

pub const LOSSES: &str = r#"
[funnel]
leak_after = "5d"
[sla]
follow_up = "12h"
recycle_after = "3d"
"#;
