//! Statistics of a row: the Wilson interval of a share, the median of the windows before.

use crate::kpi::number::Number;

/// The two-sided 95 % quantile of the normal distribution.
const Z: f64 = 1.959_963_984_540_054;

/// The 95 % Wilson interval of `of` out of `all`; none without subjects, or where there are more than all.
#[must_use]
pub fn wilson(of: f64, all: f64) -> Option<(f64, f64)> {
    if all <= 0.0 || of > all {
        return None;
    }
    let share = of / all;
    let z2 = Z * Z;
    let centre = share + z2 / (2.0 * all);
    let half = Z * (share * (1.0 - share) / all + z2 / (4.0 * all * all)).sqrt();
    let scale = 1.0 + z2 / all;
    Some((((centre - half) / scale).clamp(0.0, 1.0), ((centre + half) / scale).clamp(0.0, 1.0)))
}

/// The nearest-rank median: the ⌈n/2⌉-th smallest.
#[must_use]
pub fn median(mut values: Vec<Number>) -> Option<Number> {
    values.sort_by(|a, b| a.order(*b));
    values.get(values.len().div_ceil(2).checked_sub(1)?).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kpi::measures::Scale;

    #[test]
    fn intervals_of_shares() {
        let shown = |of, all| wilson(of, all).map(|(low, high)| format!("{low:.4} {high:.4}"));
        assert_eq!(shown(1.0, 2.0).as_deref(), Some("0.0945 0.9055"));
        assert_eq!(shown(0.0, 10.0).as_deref(), Some("0.0000 0.2775"));
        assert_eq!(shown(10.0, 10.0).as_deref(), Some("0.7225 1.0000"));
        assert_eq!(shown(0.0, 0.0), None);
        assert_eq!(shown(5.0, 4.0), None);
    }

    #[test]
    fn medians_are_members() {
        let of = |values: &[i128]| median(values.iter().map(|v| Number::of(*v, Scale::Count)).collect());
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[5, 1]), Some(Number::of(1, Scale::Count)));
        assert_eq!(of(&[5, 1, 3]), Some(Number::of(3, Scale::Count)));
    }
}
