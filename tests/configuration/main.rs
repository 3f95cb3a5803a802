//! Mistakes in a configuration and what is said about them: text and environment in, rendered problems out.

mod connections;
mod environment;
mod kinds;
mod leads_and_channels;
mod many;
mod money_and_output;
mod notes;
mod structure;
mod time_and_attribution;

use expect_test::{Expect, expect};
use tributary::config::Config;

fn load(text: &str, env: &[(&str, &str)]) -> Result<Config, String> {
    let env = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Config::parse(text, "tributary.toml", env).map_err(|problems| problems.render(false))
}

fn check(text: &str, expected: Expect) {
    check_with(text, &[], expected);
}

fn check_with(text: &str, env: &[(&str, &str)], expected: Expect) {
    let problems = load(text, env).err().unwrap_or_else(|| "no problem".to_owned());
    // What every line is indented by is lost in an expectation, which is indented itself.
    let bare = |line: &str| format!("{}\n", line.strip_prefix(' ').unwrap_or(line).trim_end());
    let problems: String = problems.lines().map(bare).collect();
    expected.assert_eq(&problems);
}

fn valid(text: &str, env: &[(&str, &str)]) -> Config {
    load(text, env).unwrap_or_else(|problems| panic!("{problems}"))
}

#[test]
fn without_anything_it_is_the_defaults() {
    let config = valid("", &[]);
    assert_eq!(config.kafka.brokers, "localhost:9092");
    assert!(!config.scoring.has_points());
    assert_eq!(
        config.scoring.grades.iter().map(|(grade, least)| (grade.as_str(), *least)).collect::<Vec<_>>(),
        [("A", 80), ("B", 60), ("C", 40), ("D", 0)]
    );
    assert!(config.identity.not_accounts.is_empty());
    assert_eq!(config.money.rates.keys().collect::<Vec<_>>(), ["USD"]);
    assert_eq!(config.output.retention.len(), 3);
}

#[test]
fn the_hash_covers_what_the_fold_reads_and_no_more() {
    let hash = |text: &str| valid(text, &[]).fold_hash();
    let default = hash("");
    for same in [
        "[kafka]\nbrokers = \"b:9092\"",
        "[topics]\nkpis = \"numbers\"",
        "[http]\nlisten = \"127.0.0.1:1\"",
        "[metrics]\nmax_series = 5",
        "[[alerts]]\nname = \"few\"\nwhen = \"leads < 5\"\nwindow = \"1d\"",
        "[output]\nalerts = []",
        "[time]\nallowed_lateness = \"1d\"",
        "[scoring]\ngrades = { D = 0, C = 40, B = 60, A = 80 }",
    ] {
        assert_eq!(hash(same), default, "{same}");
    }
    for other in [
        "[time]\nzone = \"Europe/Berlin\"",
        "[time]\nwindows = [\"1d\"]",
        "[topics]\npartitions = 9",
        "[attribution]\nlookback = \"90d\"",
        "[scoring.engagement]\npage_view = 1",
        "[output]\nkpis = [\"leads\"]",
    ] {
        assert_ne!(hash(other), default, "{other}");
    }
}

/// A new hash makes every installation fold its journal anew: change it knowingly.
#[test]
fn the_hash_stays_from_release_to_release() {
    expect!["a92ef173ab7f7b78"].assert_eq(&valid("", &[]).fold_hash());
}
