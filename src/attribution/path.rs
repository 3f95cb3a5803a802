//! Paths as text: how shards name the channels of a journey in their cells, and how rows show them.

use std::collections::BTreeSet;

use super::markov::{To, steps};

/// Between the channels of a state.
pub const SEPARATOR: char = '\u{1f}';
/// The state before the first channel, and what follows the last one.
pub const END: &str = "\u{1f}";

/// As rows show it, repeats collapsed; none for a journey without touches.
#[must_use]
pub fn shown(channels: &[&str]) -> Option<String> {
    let mut path = String::new();
    for (n, channel) in channels.iter().enumerate().filter(|(n, channel)| *n == 0 || channels[n - 1] != **channel) {
        path.push_str(if n == 0 { "" } else { " > " });
        path.push_str(channel);
    }
    (!channels.is_empty()).then_some(path)
}

/// The distinct channels, by name.
#[must_use]
pub fn distinct<'a>(channels: &[&'a str]) -> Vec<&'a str> {
    channels.iter().copied().collect::<BTreeSet<_>>().into_iter().collect()
}

/// The steps of a journey as cells name them: the state that each begins at, and the channel that follows.
pub fn named<'a>(channels: &[&'a str], order: usize, mut to: impl FnMut(&str, &'a str)) {
    let numbers: Vec<usize> = (0..channels.len()).collect();
    for (from, step) in steps(&numbers, order, To::Conversion) {
        let from = from.iter().map(|at| channels[*at]).collect::<Vec<_>>().join(&SEPARATOR.to_string());
        let from = if from.is_empty() { END } else { &from };
        to(from, if let To::Channel(at) = step { channels[at] } else { END });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeats_are_collapsed() {
        assert_eq!(shown(&["email", "email", "pr", "email"]).as_deref(), Some("email > pr > email"));
        assert_eq!(shown(&[]), None);
        assert_eq!(distinct(&["pr", "email", "pr"]), ["email", "pr"]);
    }

    #[test]
    fn a_state_is_the_last_channels() {
        let mut all = Vec::new();
        named(&["a", "b", "c"], 2, |from, to| all.push(format!("{from}→{to}")));
        let joined = all.join(" ").replace(SEPARATOR, "·");
        assert_eq!(joined, "·→a a→b a·b→c b·c→·");
    }
}
