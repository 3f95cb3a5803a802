//! Splitting a whole into integer parts that sum to exactly it: the largest remainder method, the earlier part first.

use crate::model::money::Credit;

/// Splits `whole` in proportion to weights that are not negative and not all zero.
#[must_use]
pub fn split(whole: u64, weights: &[u128]) -> Vec<u64> {
    let total: u128 = weights.iter().sum();
    assert!(total > 0, "there is nobody to give the whole to");
    let whole_wide = u128::from(whole);
    let exact = weights.iter().map(|weight| (whole_wide * weight / total, whole_wide * weight % total));
    let (mut parts, remainders): (Vec<u64>, Vec<u128>) =
        exact.map(|(part, rest)| (u64::try_from(part).expect("a part is no more than the whole"), rest)).unzip();
    give_rest(whole, &mut parts, |a, b| remainders[b].cmp(&remainders[a]));
    parts
}

/// The same for weights that are no integers. Each is finite and not negative, one at least is 1.
#[must_use]
pub fn split_real(whole: u64, weights: &[f64]) -> Vec<u64> {
    let total: f64 = weights.iter().sum();
    #[expect(clippy::cast_precision_loss, reason = "shares of a whole of 10⁹ fit a double exactly")]
    let exact: Vec<f64> = weights.iter().map(|weight| whole as f64 * (weight / total)).collect();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and the whole")]
    let mut parts: Vec<u64> = exact.iter().map(|part| part.floor() as u64).collect();
    let over: u64 = parts.iter().sum::<u64>().saturating_sub(whole);
    if over > 0 {
        // Rounding of the division may overshoot a part by one: take it from the last ones.
        for part in parts.iter_mut().rev().filter(|part| **part > 0).take(usize::try_from(over).unwrap_or(usize::MAX)) {
            *part -= 1;
        }
    }
    let rest: Vec<f64> = exact.iter().map(|part| part - part.floor()).collect();
    give_rest(whole, &mut parts, |a, b| rest[b].total_cmp(&rest[a]));
    parts
}

fn give_rest(whole: u64, parts: &mut [u64], by_remainder: impl Fn(usize, usize) -> std::cmp::Ordering) {
    let rest = usize::try_from(whole - parts.iter().sum::<u64>()).expect("fewer units left than parts");
    if rest == 0 {
        return;
    }
    let mut order: Vec<usize> = (0..parts.len()).collect();
    order.sort_by(|a, b| by_remainder(*a, *b).then(a.cmp(b)));
    for at in order.into_iter().cycle().take(rest) {
        parts[at] += 1;
    }
}

/// Splits an amount of money in proportion to credits that sum to one whole. A negative amount is split as its
/// absolute value.
#[must_use]
pub fn split_amount(amount: i64, credits: &[i64]) -> Vec<i64> {
    debug_assert_eq!(credits.iter().sum::<i64>(), Credit::WHOLE);
    let weights: Vec<u128> = credits.iter().map(|credit| u128::from(credit.unsigned_abs())).collect();
    let parts = split(amount.unsigned_abs(), &weights);
    parts
        .into_iter()
        .map(|part| if amount < 0 { 0i64.wrapping_sub_unsigned(part) } else { 0i64.wrapping_add_unsigned(part) })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn parts_sum_to_the_whole_and_are_near_their_share(
            whole in 0u64..=10_000_000_000,
            weights in proptest::collection::vec(0u128..1_000_000, 1..40),
        ) {
            prop_assume!(weights.iter().any(|weight| *weight > 0));
            let total: u128 = weights.iter().sum();
            let parts = split(whole, &weights);
            prop_assert_eq!(parts.iter().sum::<u64>(), whole);
            for (part, weight) in parts.iter().zip(&weights) {
                let floor = u64::try_from(u128::from(whole) * weight / total).expect("small");
                prop_assert!(*part == floor || *part == floor + 1);
            }
        }

        #[test]
        fn real_parts_sum_to_the_whole(days in proptest::collection::vec(0.0f64..400.0, 1..60)) {
            let mut weights: Vec<f64> = days.iter().map(|days| (-days / 7.0).exp2()).collect();
            weights[0] = 1.0;
            prop_assert_eq!(split_real(1_000_000_000, &weights).iter().sum::<u64>(), 1_000_000_000);
        }

        #[test]
        fn a_credit_note_is_split_like_a_sale(amount in -1_000_000_000i64..1_000_000_000, n in 1usize..9) {
            let weights = vec![1u128; n];
            let credits: Vec<i64> = split(1_000_000_000, &weights).into_iter().map(|c| i64::try_from(c).expect("small")).collect();
            let parts = split_amount(amount, &credits);
            prop_assert_eq!(parts.iter().sum::<i64>(), amount);
            let negated: Vec<i64> = split_amount(-amount, &credits).into_iter().map(|part| -part).collect();
            prop_assert_eq!(negated, parts);
        }
    }

    #[test]
    fn the_earlier_part_gets_the_rest() {
        assert_eq!(split(10, &[1, 1, 1]), [4, 3, 3]);
        assert_eq!(split_amount(-10, &[333_333_334, 333_333_333, 333_333_333]), [-4, -3, -3]);
    }
}
