//! Mistakes in a configuration and what is said about them: text and environment in, rendered problems out.

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
    let problems: String = problems.lines().map(|line| format!("{}\n", line.trim_end())).collect();
    expected.assert_eq(&problems);
}

fn valid(text: &str, env: &[(&str, &str)]) -> Config {
    load(text, env).unwrap_or_else(|problems| panic!("{problems}"))
}
