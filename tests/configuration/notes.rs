//! What is valid, and yet may not be what was meant: a note with its place, and no problem.

use expect_test::{Expect, expect};

use crate::valid;

fn check(text: &str, expected: Expect) {
    let notes = valid(text, &[]).notes;
    let lines = notes.iter().map(|note| {
        let (_, line, column) = note.position().expect("a place");
        format!("{line}:{column} {} ({})\n", note.message(), note.hint().unwrap_or_default())
    });
    expected.assert_eq(&lines.collect::<String>());
}

#[test]
fn what_is_as_it_should_be_has_no_note() {
    check("", expect![""]);
    check(
        "[[channels.rules]]\nutm_source = \"g2\"\nchannel = \"review_sites\"\n[[budgets]]\nchannel = \"review_sites\"\nwindow = \"1mo\"\namount = 1\n",
        expect![""],
    );
}

#[test]
fn a_channel_that_is_nearly_another_one() {
    check(
        r#"[channels]
not_marketing = ["direct", "product", "othr"]
[[channels.rules]]
utm_source = "g2"
channel = "review_sites"
[[budgets]]
channel = "Pad Search"
window = "1mo"
amount = 1
[[budgets]]
channel = "reviewsites"
window = "1mo"
amount = 1
"#,
        expect![[r#"
            2:39 channel `othr` is none that is built in, nor made by a rule (did you mean `other`?)
            7:11 channel `pad_search` is none that is built in, nor made by a rule (did you mean `paid_search`?)
            11:11 channel `reviewsites` is none that is built in, nor made by a rule (did you mean `review_sites`?)
        "#]],
    );
}

#[test]
fn what_is_said_and_changes_nothing() {
    check(
        r#"[time]
windows = ["1d", "1mo", "1d"]
[attribution]
models = ["first", "last"]
detail_models = ["first", "linear"]
[scoring.engagement]
page_view = 1
[scoring.caps]
email_clicked = 10
[output]
kpis = ["leads"]
[output.retention]
"1h" = "7d"
[metrics]
kpis = ["cost_*"]
[[channels.rules]]
utm_source = "g2"
channel = "review_sites"
[[channels.rules]]
utm_source = "G2"
channel = "partner"
"#,
        expect![[r#"
            2:25 `1d` is in `time.windows` twice (once is enough)
            5:27 model `linear` is not computed, so it has no rows with content and term (add `linear` to `attribution.models`)
            9:1 `scoring.caps.email_clicked` caps nothing (give it points: `scoring.engagement.email_clicked`)
            13:1 `output.retention.1h` keeps nothing (add `1h` to `time.windows`)
            15:9 no KPI of `cost_*` is computed, so none has a gauge (add `cost_*` to `output.kpis`)
            21:11 a channel rule before this one takes the same touches: this one is never reached (the first rule that matches decides)
        "#]],
    );
}

#[test]
fn a_setting_without_effect() {
    check(
        "[state]\nstandby = 1\n",
        expect![[r#"
            2:11 `state.standby` has no effect: shards have no followers yet (whoever takes a shard over restores it from its snapshot and the journal since)
        "#]],
    );
}
