//! Shapley values of channels, where the worth of a set of channels is the number of conversions whose journeys have no
//! others. Then a conversion is shared evenly among the distinct channels of its journey.
//!
//! Source: Zhao, Mahboobi, Bagheri: "Shapley Value Methods for Attribution Modeling in Online Advertising",
//! arXiv:1804.05327 (2018).

/// What a channel is worth, given the conversions that it is in (or their amounts) by how many channels these have.
pub fn worth(of_channel: impl IntoIterator<Item = (i128, f64)>) -> f64 {
    of_channel.into_iter().map(|(size, sum)| sum / size as f64).sum()
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::*;
    use crate::attribution::path::distinct;

    /// Journeys with so many conversions each.
    type Journeys<'a> = Vec<(Vec<&'a str>, f64)>;

    fn worths<'a>(journeys: &Journeys<'a>) -> BTreeMap<&'a str, f64> {
        let mut of: BTreeMap<&str, BTreeMap<i128, f64>> = BTreeMap::new();
        for (channels, conversions) in journeys {
            let channels = distinct(channels);
            for channel in &channels {
                *of.entry(*channel).or_default().entry(channels.len() as i128).or_default() += conversions;
            }
        }
        of.into_iter().map(|(channel, by_size)| (channel, worth(by_size))).collect()
    }

    /// By the definition: what each channel adds to every set of the others, weighted by how often it comes to that.
    fn by_sets<'a>(journeys: &Journeys<'a>) -> BTreeMap<&'a str, f64> {
        let all: BTreeSet<&str> = journeys.iter().flat_map(|(channels, _)| channels.iter().copied()).collect();
        let all: Vec<&str> = all.into_iter().collect();
        let worth = |set: u32| -> f64 {
            let holds =
                |channel: &str| all.iter().position(|known| *known == channel).is_some_and(|n| set >> n & 1 == 1);
            let within = journeys.iter().filter(|(channels, _)| channels.iter().all(|channel| holds(channel)));
            within.map(|(_, conversions)| conversions).sum()
        };
        let factorial = |n: usize| (1..=n).map(|n| n as f64).product::<f64>();
        let n = all.len();
        let of = |place: usize| {
            let others = (0..1u32 << n).filter(|set| set >> place & 1 == 0);
            others
                .map(|set| {
                    let size = set.count_ones() as usize;
                    let weight = factorial(size) * factorial(n - size - 1) / factorial(n);
                    weight * (worth(set | 1 << place) - worth(set))
                })
                .sum()
        };
        all.iter().enumerate().map(|(place, channel)| (*channel, of(place))).collect()
    }

    fn check(journeys: &[(&'static str, f64)], expected: &[(&str, f64)], tolerance: f64) {
        let journeys: Journeys<'_> =
            journeys.iter().map(|(path, conversions)| (path.split(" > ").collect(), *conversions)).collect();
        for found in [worths(&journeys), by_sets(&journeys)] {
            assert_eq!(found.len(), expected.len());
            for (channel, worth) in expected {
                assert!((found[channel] - worth).abs() <= tolerance, "{channel}: {found:?}");
            }
        }
    }

    /// J. Kinley, "Data-Driven Marketing Attribution" (Towards Data Science, 2020): per 100 opportunities.
    #[test]
    fn three_channels_as_published() {
        let journeys = [
            ("Facebook", 18.0),
            ("Google", 4.0),
            ("LinkedIn", 8.0),
            ("Facebook > Google", 10.0),
            ("Facebook > LinkedIn", 26.0),
            ("Google > LinkedIn", 7.0),
            ("Facebook > Google > LinkedIn", 27.0),
        ];
        check(&journeys, &[("Facebook", 45.0), ("Google", 21.5), ("LinkedIn", 33.5)], 1e-9);
    }

    /// I. Korostil, the tests of `mta` (github.com/eeghor/mta).
    #[test]
    fn two_and_four_channels_as_published() {
        check(&[("a", 4.0), ("a > b", 6.0)], &[("a", 7.0), ("b", 3.0)], 1e-9);
        check(&[("a > b > c > d", 10.0)], &["a", "b", "c", "d"].map(|channel| (channel, 2.5)), 1e-9);
    }

    /// B. Yeo, "Marketing Attribution - Shapley Value Approach" (bernard-mlab.com, 2020), on the marketing campaign data of
    /// DataCamp: 1,015 conversions of 7,294 users, printed with one digit.
    #[test]
    fn a_thousand_conversions_as_published() {
        let journeys = [
            ("Email", 110.0),
            ("Email > Facebook", 11.0),
            ("Email > Facebook > House Ads", 8.0),
            ("Email > House Ads", 40.0),
            ("Email > House Ads > Instagram", 3.0),
            ("Email > House Ads > Push", 1.0),
            ("Email > Instagram", 10.0),
            ("Email > Push", 4.0),
            ("Facebook", 103.0),
            ("Facebook > House Ads", 72.0),
            ("Facebook > House Ads > Instagram", 24.0),
            ("Facebook > House Ads > Push", 4.0),
            ("Facebook > Instagram", 62.0),
            ("Facebook > Push", 22.0),
            ("House Ads", 280.0),
            ("House Ads > Instagram", 103.0),
            ("House Ads > Instagram > Push", 12.0),
            ("House Ads > Push", 46.0),
            ("Instagram", 57.0),
            ("Instagram > Push", 21.0),
            ("Push", 22.0),
        ];
        let expected =
            [("Email", 146.5), ("Facebook", 198.5), ("House Ads", 427.8), ("Instagram", 168.0), ("Push", 74.2)];
        check(&journeys, &expected, 0.05);
    }

    proptest! {
        #[test]
        fn it_is_what_the_definition_over_all_sets_gives(
            journeys in prop::collection::vec((prop::collection::vec(0..5usize, 1..7), 1..50u32), 1..12),
        ) {
            const NAMES: [&str; 5] = ["a", "b", "c", "d", "e"];
            let named = |(path, count): &(Vec<usize>, u32)| {
                (path.iter().map(|n| NAMES[*n]).collect::<Vec<_>>(), f64::from(*count))
            };
            let journeys: Journeys<'_> = journeys.iter().map(named).collect();
            let (found, expected) = (worths(&journeys), by_sets(&journeys));
            let all: f64 = journeys.iter().map(|(_, conversions)| conversions).sum();
            prop_assert!((found.values().sum::<f64>() - all).abs() < 1e-9 * all);
            for (channel, worth) in &expected {
                prop_assert!((found[channel] - worth).abs() < 1e-9 * all, "{}: {:?} {:?}", channel, found, expected);
            }
        }
    }
}
