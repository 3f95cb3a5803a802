//! Scoring, predicates, routes, segments and channel rules.

use expect_test::expect;

use crate::check;

#[test]
fn unknown_kinds() {
    check(
        r#"[journey]
not_engaging = ["impresion"]
[scoring.engagement]
page_veiw = 1
form_demo = 25
"#,
        expect![[r#"
              × unknown kind of touch `impresion`
               ╭─[tributary.toml:2:17]
             2 │ not_engaging = ["impresion"]
               ·                 ─────┬─────
               ·                      ╰── not known
               ╰────
              help: did you mean `impression`?

              × unknown kind of touch or form `page_veiw`
               ╭─[tributary.toml:4:1]
             4 │ page_veiw = 1
               · ────┬────
               ·     ╰── not known
               ╰────
              help: did you mean `page_view`?

              × unknown kind of touch or form `form_demo`
               ╭─[tributary.toml:5:1]
             5 │ form_demo = 25
               · ────┬────
               ·     ╰── not known
               ╰────
              help: one of impression, click, page_view, email_sent, email_delivered, email_bounced, email_opened,
                    email_clicked, email_unsubscribed, webinar_registered, webinar_attended, webinar_question,
                    webinar_replayed, mail_sent, mail_opened, mail_claimed, meeting_booked, demo_booked, content_read,
                    social_engaged, nurture_joined, community_joined, community_left, community_active, question_asked,
                    question_answered, product_used, referral_made, form_contact, form_demo_request, form_content,
                    form_webinar, form_newsletter, form_qualification, form_survey

        "#]],
    );
}

#[test]
fn shares() {
    check(
        r#"[funnel]
likely = 70
[funnel.probability]
proposal = 1.5
[goals.ratios]
lead = 0
"#,
        expect![[r#"
              × `funnel.likely` must be between 0 and 1
               ╭─[tributary.toml:2:10]
             2 │ likely = 70
               ·          ─┬
               ·           ╰── out of range
               ╰────
              help: 0.35 stands for 35 %

              × `funnel.probability.proposal` must be between 0 and 1
               ╭─[tributary.toml:4:12]
             4 │ proposal = 1.5
               ·            ─┬─
               ·             ╰── out of range
               ╰────
              help: 0.35 stands for 35 %

              × `goals.ratios.lead` must be more than 0
               ╭─[tributary.toml:6:8]
             6 │ lead = 0
               ·        ┬
               ·        ╰── nothing would reach the next stage
               ╰────
              help: leave it out to go by what is measured

        "#]],
    );
}

#[test]
fn predicates() {
    check(
        r#"[[scoring.fit]]
field = "grade"
equals = "A"
points = 5
[[scoring.fit]]
field = "account.is_traget"
equals = true
points = 5
[[scoring.fit]]
field = "budget"
min = 10
max = 5
points = 5
[[scoring.reject]]
reason = "test"
field = "lead_id"
regex = "("
[[segments]]
segment = "big"
when = [{ field = "company_size" }, { field = "stage", in = ["sql", "close"] }]
[[segments]]
segment = "big"
when = [{ field = "title", equals = "CEO", regex = "^C" }]
"#,
        expect![[r#"
              × `grade` cannot be asked here: it depends on the answer
               ╭─[tributary.toml:2:9]
             2 │ field = "grade"
               ·         ───┬───
               ·            ╰── goes in a circle
               ╰────
              help: a form answer, `account.<field>` or `lead_id`

              × an account has no field `is_traget`
               ╭─[tributary.toml:6:9]
             6 │ field = "account.is_traget"
               ·         ─────────┬─────────
               ·                  ╰── not known
               ╰────
              help: did you mean `is_target`?

              × `min` is greater than `max`
                ╭─[tributary.toml:11:7]
             11 │ min = 10
                ·       ─┬
                ·        ╰── never holds
                ╰────
              help: both are within the range

              × no regular expression: `(`
                ╭─[tributary.toml:17:9]
             17 │ regex = "("
                ·         ─┬─
                ·          ╰── unclosed group
                ╰────
              help: in a basic "…" string a backslash is written `\\`

              × a predicate needs a test
                ╭─[tributary.toml:20:19]
             20 │ when = [{ field = "company_size" }, { field = "stage", in = ["sql", "close"] }]
                ·                   ───────┬──────
                ·                          ╰── without a test
                ╰────
              help: one of `equals`, `in`, `regex`, or `min` and `max`

              × unknown stage `close`
                ╭─[tributary.toml:20:61]
             20 │ when = [{ field = "company_size" }, { field = "stage", in = ["sql", "close"] }]
                ·                                                             ────────┬───────
                ·                                                                     ╰── never holds
                ╰────
              help: one of lead, mql, sal, sql, opportunity, proposal, won, lost, disqualified, recycled

              × segment `big` is there twice
                ╭─[tributary.toml:22:11]
             22 │ segment = "big"
                ·           ──┬──
                ·             ╰── again
                ╰────
              help: put both into one `when`, or name them apart

              × a predicate has one test
                ╭─[tributary.toml:23:19]
             23 │ when = [{ field = "title", equals = "CEO", regex = "^C" }]
                ·                   ───┬───
                ·                      ╰── with several tests
                ╰────
              help: one of `equals`, `in`, `regex`, or `min` and `max`

        "#]],
    );
}

#[test]
fn routes() {
    check(
        r#"[[routes]]
route = "sales"
when = [{ field = "grade", equals = "E" }, { field = "segment", equals = "enterprise" }]
[[routes]]
route = "nurture"
when = []
[[routes]]
route = "partner"
when = [{ field = "region", in = [] }]
[[routes]]
route = "nowhere"
"#,
        expect![[r#"
              × unknown grade `E`
               ╭─[tributary.toml:3:37]
             3 │ when = [{ field = "grade", equals = "E" }, { field = "segment", equals = "enterprise" }]
               ·                                     ─┬─
               ·                                      ╰── never holds
               ╰────
              help: one of A, B, C, D

              × unknown segment `enterprise`
               ╭─[tributary.toml:3:74]
             3 │ when = [{ field = "grade", equals = "E" }, { field = "segment", equals = "enterprise" }]
               ·                                                                          ──────┬─────
               ·                                                                                ╰── never holds
               ╰────
              help: there is none

              × route `partner` is never reached: `nurture` before it takes every lead
               ╭─[tributary.toml:8:9]
             8 │ route = "partner"
               ·         ────┬────
               ·             ╰── never reached
               ╰────
              help: put the route with `when = []` last

              × `in` of nothing never holds
               ╭─[tributary.toml:9:34]
             9 │ when = [{ field = "region", in = [] }]
               ·                                  ─┬
               ·                                   ╰── empty
               ╰────
              help: name what it may be

              × `routes` needs `when`
                ╭─[tributary.toml:10:1]
             10 │ [[routes]]
                · ─────┬────
                ·      ╰── without `when`
                ╰────
              help: its keys are route, when

        "#]],
    );
}

#[test]
fn grades() {
    check(
        r#"[scoring]
grades = { A = 80, B = 80, "(x)" = 0 }
"#,
        expect![[r#"
              × grades `A` and `B` begin at the same score
               ╭─[tributary.toml:2:24]
             2 │ grades = { A = 80, B = 80, "(x)" = 0 }
               ·                        ─┬
               ·                         ╰── taken
               ╰────
              help: each grade has a least score of its own

              × a grade cannot be named `(x)`
               ╭─[tributary.toml:2:28]
             2 │ grades = { A = 80, B = 80, "(x)" = 0 }
               ·                            ──┬──
               ·                              ╰── reserved
               ╰────
              help: names in parentheses are the product's own

        "#]],
    );
}

#[test]
fn channel_rules() {
    check(
        r#"[[channels.rules]]
channel = "review_sites"
[[channels.rules]]
path = { prefix = "/a", suffix = "/b" }
kind = "page_views"
channel = "(direct)"
[channels.groups]
earned = ["review_sites"]
owned = ["Review Sites"]
[channels.lists]
serach = ["startpage"]
"#,
        expect![[r#"
              × a channel rule needs a field to match
               ╭─[tributary.toml:2:11]
             2 │ channel = "review_sites"
               ·           ───────┬──────
               ·                  ╰── would match every touch
               ╰────
              help: utm_source, utm_medium, utm_campaign, utm_content, utm_term, referrer_host, click_id, path or kind

              × a pattern is one of `prefix`, `suffix` and `regex`
               ╭─[tributary.toml:4:8]
             4 │ path = { prefix = "/a", suffix = "/b" }
               ·        ────────────────┬───────────────
               ·                        ╰── not exactly one
               ╰────
              help: such as `{ prefix = "/partners/" }`

              × unknown kind of touch `page_views`
               ╭─[tributary.toml:5:8]
             5 │ kind = "page_views"
               ·        ──────┬─────
               ·              ╰── never matches
               ╰────
              help: did you mean `page_view`?

              × a channel cannot be named `(direct)`
               ╭─[tributary.toml:6:11]
             6 │ channel = "(direct)"
               ·           ─────┬────
               ·                ╰── reserved
               ╰────
              help: names in parentheses are the product's own

              × channel `Review Sites` is in two groups: `earned` and `owned`
               ╭─[tributary.toml:9:10]
             9 │ owned = ["Review Sites"]
               ·          ───────┬──────
               ·                 ╰── again
               ╰────
              help: a channel has one group

              × unknown key `serach` in `channels.lists`
                ╭─[tributary.toml:11:1]
             11 │ serach = ["startpage"]
                · ───┬──
                ·    ╰── not a known key
                ╰────
              help: did you mean `search`?

        "#]],
    );
}
