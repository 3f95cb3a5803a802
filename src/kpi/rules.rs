//! Rules of alerts: a formula over KPIs, compared with a number, in the running window of a kind. Those that are built
//! in are written as those of the configuration are, which replace them by their names.

use std::collections::BTreeMap;

use super::catalogue::{Kpi, matches_glob, sorted};
use super::families::{Families, Family, Operand};
use super::formula::{Expr, FormulaError, Name, Scope, parse};
use super::measures::{Dim, Scale};
use super::number::Number;
use crate::config::{Alert, Config};
use crate::model::window::WindowKind;

/// A rule that can be looked at: all that it names has rows.
#[derive(Clone, Debug)]
pub struct Rule {
    pub name: String,
    /// As it is written.
    pub condition: String,
    /// Over the reads.
    pub formula: Expr<usize>,
    pub comparison: Comparison,
    pub threshold: f64,
    pub window: WindowKind,
    /// Those of the rows that it is about.
    pub dims: Vec<Dim>,
    pub reads: Vec<Rows>,
    /// By their place among the reads.
    pub at_least: Vec<(usize, f64)>,
}

/// The rows of a KPI that a rule reads.
#[derive(Clone, Debug, PartialEq)]
pub struct Rows {
    pub kpi: String,
    /// Of the rule's, those that these rows have.
    pub dims: Vec<Dim>,
    /// What stands for a row that is not there: what the KPI's formula gives without facts.
    pub without_facts: Option<Number>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    Below,
    AtMost,
    Above,
    AtLeast,
    Equal,
}

/// Longer signs first: they begin with shorter ones.
const SIGNS: [(&str, Comparison); 5] = [
    ("<=", Comparison::AtMost),
    (">=", Comparison::AtLeast),
    ("==", Comparison::Equal),
    ("<", Comparison::Below),
    (">", Comparison::Above),
];

/// `email_delivery_ratio < 0.95`.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    pub formula: Expr<Name>,
    pub comparison: Comparison,
    pub threshold: f64,
}

/// Why a rule cannot be looked at.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    #[error("no condition: `{0}`")]
    NoComparison(String),
    #[error("`{0}` is no number to compare with")]
    Threshold(String),
    #[error("{0}")]
    Formula(#[from] FormulaError),
    #[error("`{0}` names no KPI")]
    NoKpi(String),
    #[error("there is no KPI named `{0}`")]
    Unknown(String),
    #[error("KPI `{0}` is not computed")]
    NotComputed(String),
    #[error("KPI `{kpi}` has no rows {by} in `{window}`")]
    NoRows {
        kpi: String,
        by: String,
        window: WindowKind,
        /// The dimensions that its rows have there.
        instead: Vec<String>,
    },
    #[error("`{0}` asks for other rows than those of the window: an alert takes KPIs and `total(…)` of them")]
    Scope(String),
}

impl Comparison {
    #[must_use]
    pub fn holds(self, value: f64, threshold: f64) -> bool {
        match self {
            Self::Below => value < threshold,
            Self::AtMost => value <= threshold,
            Self::Above => value > threshold,
            Self::AtLeast => value >= threshold,
            Self::Equal => value == threshold,
        }
    }
}

impl Condition {
    pub fn parse(text: &str) -> Result<Self, RuleError> {
        let none = || RuleError::NoComparison(text.to_owned());
        let at = text.find(['<', '>', '=']).ok_or_else(none)?;
        let (formula, rest) = text.split_at(at);
        let (sign, comparison) = SIGNS.iter().find(|(sign, _)| rest.starts_with(sign)).ok_or_else(none)?;
        let number = rest[sign.len()..].trim();
        let threshold = number.parse().ok().filter(|threshold: &f64| threshold.is_finite());
        Ok(Self {
            formula: parse(formula)?,
            comparison: *comparison,
            threshold: threshold.ok_or_else(|| RuleError::Threshold(number.to_owned()))?,
        })
    }

    /// What its formula names.
    fn names(&self) -> Vec<Name> {
        let mut names = Vec::new();
        let found = self.formula.clone().expand::<(), std::convert::Infallible>(&mut |name| {
            names.push(name);
            Ok(Expr::Constant(0.0))
        });
        match found {
            Ok(_) => names,
        }
    }
}

/// The rules that `output.alerts` selects, by name; built-in ones as far as the configuration has what they look at.
#[must_use]
pub fn rules_of(config: &Config, families: &Families) -> Vec<Rule> {
    let mut rules: BTreeMap<String, Alert> =
        built_in(config).into_iter().map(|rule| (rule.name.clone(), rule)).collect();
    rules.extend(config.alerts.iter().map(|rule| (rule.name.clone(), rule.clone())));
    let selected = |rule: &&Alert| config.output.alerts.iter().any(|glob| matches_glob(glob, &rule.name));
    rules.values().filter(selected).filter_map(|rule| resolve(rule, config, families).ok()).collect()
}

/// Built in; in the configuration's own form.
#[must_use]
pub fn built_in(config: &Config) -> Vec<Alert> {
    let rule = |name: &str, when: &str, window| Alert {
        name: name.to_owned(),
        when: when.to_owned(),
        window,
        at_least: BTreeMap::new(),
        by: None,
    };
    let enough = BTreeMap::from([("emails_sent".to_owned(), 100.0)]);
    let late = "late_events / (late_events + touches + form_fills) > 0.01";
    let mut rules = vec![
        Alert { at_least: enough, ..rule("email_delivery", "email_delivery_ratio < 0.95", WindowKind::Day) },
        rule("sla_breach", "sla_breaches > 0", WindowKind::Day),
        rule("efficiency", "efficiency_index < 1", WindowKind::Rolling(30)),
        rule("late_events", late, WindowKind::Hour),
    ];
    let mut windows: Vec<WindowKind> = config.budgets.iter().map(|budget| budget.window).collect();
    windows.sort_unstable();
    windows.dedup();
    rules.extend(windows.into_iter().map(|window| Alert {
        by: Some(vec![Dim::Channel.name().to_owned()]),
        ..rule(&format!("budget_pace_{window}"), "budget_pace_ratio > 1.1", window)
    }));
    rules
}

/// A rule with what it names looked up.
pub fn resolve(alert: &Alert, config: &Config, families: &Families) -> Result<Rule, RuleError> {
    let condition = Condition::parse(&alert.when)?;
    let names = condition.names();
    if names.is_empty() {
        return Err(RuleError::NoKpi(alert.when.clone()));
    }
    let other = names.iter().find(|name| !matches!(name.scope, Scope::Row | Scope::Total));
    if let Some(other) = other {
        return Err(RuleError::Scope(other.name.clone()));
    }
    for kpi in names.iter().map(|name| &name.name).chain(alert.at_least.keys()) {
        let exists = Kpi::named(kpi).is_some() || config.kpis.iter().any(|own| own.id == *kpi);
        let is_computed = families.kpis.iter().any(|known| known.id == *kpi);
        match (exists, is_computed) {
            (false, _) => return Err(RuleError::Unknown(kpi.clone())),
            (true, false) => return Err(RuleError::NotComputed(kpi.clone())),
            _ => {}
        }
    }
    let computed = Computed { families, window: alert.window };
    let dims = match &alert.by {
        Some(names) => sorted(&names.iter().filter_map(|name| Dim::parse(name)).collect::<Vec<_>>()),
        None => computed.smallest(&names)?,
    };
    let mut reads = Vec::new();
    let mut read = |rows: Rows| {
        reads.iter().position(|known| *known == rows).unwrap_or_else(|| {
            reads.push(rows);
            reads.len() - 1
        })
    };
    let formula = condition.formula.expand(&mut |Name { name, scope }: Name| {
        let dims = if scope == Scope::Total { &[][..] } else { &dims[..] };
        let family = computed.family(&name, dims).ok_or_else(|| computed.no_rows(&name, dims))?;
        Ok::<_, RuleError>(Expr::Term(read(Rows::of(name, family))))
    })?;
    let mut at_least = Vec::new();
    for (kpi, least) in &alert.at_least {
        let family = computed.largest_within(kpi, &dims).ok_or_else(|| computed.no_rows(kpi, &dims))?;
        at_least.push((read(Rows::of(kpi.clone(), family)), *least));
    }
    Ok(Rule {
        name: alert.name.clone(),
        condition: alert.when.trim().to_owned(),
        formula,
        comparison: condition.comparison,
        threshold: condition.threshold,
        window: alert.window,
        dims,
        reads,
        at_least,
    })
}

impl Rows {
    fn of(kpi: String, family: &Family) -> Self {
        let nothing = |_: &Operand| Number::of(0, Scale::Count);
        let numerator = family.formula.numerator.value(&nothing);
        let without_facts = match &family.formula.denominator {
            Some(denominator) => numerator.zip(denominator.value(&nothing)).and_then(|(over, under)| over.over(under)),
            None => numerator,
        };
        // A statistic of nothing is none.
        Self {
            kpi,
            dims: family.dims.clone(),
            without_facts: without_facts.filter(|_| family.stat.is_none() && family.journeys.is_none()),
        }
    }
}

/// What is computed in the windows of a kind.
struct Computed<'a> {
    families: &'a Families,
    window: WindowKind,
}

impl<'a> Computed<'a> {
    fn families_of(&self, kpi: &str) -> impl Iterator<Item = &'a Family> {
        let Families { kpis, families, .. } = self.families;
        families.iter().filter(move |of| kpis[of.kpi].id == kpi && of.kinds.contains(&self.window))
    }

    fn family(&self, kpi: &str, dims: &[Dim]) -> Option<&'a Family> {
        self.families_of(kpi).find(|family| family.dims == dims)
    }

    /// The rows of a KPI by as many of some dimensions as there are any.
    fn largest_within(&self, kpi: &str, dims: &[Dim]) -> Option<&'a Family> {
        let within = self.families_of(kpi).filter(|family| family.dims.iter().all(|dim| dims.contains(dim)));
        within.max_by_key(|family| family.dims.len())
    }

    /// The smallest set of dimensions that all KPIs have rows by: the total, where they have one.
    fn smallest(&self, names: &[Name]) -> Result<Vec<Dim>, RuleError> {
        let by_row = || names.iter().filter(|name| name.scope == Scope::Row);
        let Some(first) = by_row().next() else { return Ok(Vec::new()) };
        let of_all = |set: &&Family| by_row().all(|name| self.family(&name.name, &set.dims).is_some());
        if let Some(set) = self.families_of(&first.name).filter(of_all).min_by_key(|set| set.dims.len()) {
            return Ok(set.dims.clone());
        }
        let of_first = self.families_of(&first.name).min_by_key(|set| set.dims.len());
        let dims = of_first.map(|set| set.dims.clone()).unwrap_or_default();
        let lacking = by_row().find(|name| self.family(&name.name, &dims).is_none()).unwrap_or(first);
        Err(self.no_rows(&lacking.name, &dims))
    }

    fn no_rows(&self, kpi: &str, dims: &[Dim]) -> RuleError {
        let text = |dims: &[Dim]| dims.iter().map(|dim| dim.name()).collect::<Vec<_>>().join(", ");
        let by = if dims.is_empty() { "in total".to_owned() } else { format!("by {}", text(dims)) };
        let mut instead: Vec<String> = self.families_of(kpi).map(|family| text(&family.dims)).collect();
        instead.dedup();
        RuleError::NoRows { kpi: kpi.to_owned(), by, window: self.window, instead }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;
    use crate::kpi::families::families_of;

    fn config(toml: &str) -> Config {
        Config::parse(toml, "test.toml", std::iter::empty()).unwrap_or_else(|problems| panic!("{problems:?}"))
    }

    fn shown(rule: &Rule) -> String {
        let names = |dims: &[Dim]| dims.iter().map(|dim| dim.name()).collect::<Vec<_>>().join(",");
        let reads = rule.reads.iter().map(|rows| {
            let without = rows.without_facts.map_or_else(|| "-".to_owned(), |number| number.to_string());
            format!("{}({})={without}", rows.kpi, names(&rows.dims))
        });
        let reads = reads.collect::<Vec<_>>().join(" ");
        format!("{}: {} in {} by {}: {reads}\n", rule.name, rule.condition, rule.window, names(&rule.dims))
    }

    fn check(toml: &str, expected: &Expect) {
        let config = config(toml);
        expected.assert_eq(&rules_of(&config, &families_of(&config)).iter().map(shown).collect::<String>());
    }

    #[test]
    fn built_in_rules_are_there_where_what_they_look_at_is() {
        let budgets = "[[budgets]]\nchannel = \"email\"\nwindow = \"1mo\"\namount = 5\n";
        check(
            budgets,
            &expect![[r#"
            budget_pace_1mo: budget_pace_ratio > 1.1 in 1mo by channel: budget_pace_ratio(channel)=-
            efficiency: efficiency_index < 1 in 30d by channel: efficiency_index(channel)=-
            email_delivery: email_delivery_ratio < 0.95 in 1d by : email_delivery_ratio()=- emails_sent()=0
            late_events: late_events / (late_events + touches + form_fills) > 0.01 in 1h by : late_events()=0 touches()=0 form_fills()=0
            sla_breach: sla_breaches > 0 in 1d by : sla_breaches()=0
        "#]],
        );
        check("[time]\nwindows = [\"1d\"]\n[output]\nkpis = [\"email_*\"]\n", &expect![[r#""#]]);
        check(
            "[output]\nalerts = [\"sla_*\"]\n",
            &expect![[r#"
            sla_breach: sla_breaches > 0 in 1d by : sla_breaches()=0
        "#]],
        );
        check("[output]\nalerts = []\n", &expect![[r#""#]]);
    }

    #[test]
    fn own_rules_replace_built_in_ones_and_name_rows() {
        let rule = |name: &str, when: &str, more: &str| {
            format!("[[alerts]]\nname = \"{name}\"\nwindow = \"1d\"\nwhen = \"{when}\"\n{more}\n")
        };
        let only = "[output]\nalerts = [\"own*\", \"sla_breach\"]\n";
        let own = [
            rule("sla_breach", "sla_breaches >= 5", ""),
            rule(
                "own share",
                "leads / total(leads) > 0.5",
                "by = [\"model\", \"channel\"]\nat_least = { spend = 9, sessions = 1 }",
            ),
            rule("own smallest", "stage_conversion_ratio <= 0.1", ""),
            rule("own quiet", "leads == 0", "at_least = { sessions = 100 }"),
        ];
        check(
            &(only.to_owned() + &own.concat()),
            &expect![[r#"
            own quiet: leads == 0 in 1d by : leads()=0 sessions()=0
            own share: leads / total(leads) > 0.5 in 1d by channel,model: leads(channel,model)=0 leads()=0 sessions(channel)=0 spend(channel)=0
            own smallest: stage_conversion_ratio <= 0.1 in 1d by stage: stage_conversion_ratio(stage)=-
            sla_breach: sla_breaches >= 5 in 1d by : sla_breaches()=0
        "#]],
        );
    }

    #[test]
    fn what_is_wrong_with_a_rule_is_said() {
        let config =
            config("[output]\nkpis = [\"leads\", \"sessions\", \"visitors\", \"efficiency_index\"]\nalerts = []\n");
        let families = families_of(&config);
        let problem = |when: &str, window: &str, by: Option<&str>, least: Option<&str>| {
            let alert = Alert {
                name: "mine".to_owned(),
                when: when.to_owned(),
                window: WindowKind::parse(window).expect("a window"),
                at_least: least.map(|kpi| (kpi.to_owned(), 1.0)).into_iter().collect(),
                by: by.map(|by| vec![by.to_owned()]),
            };
            resolve(&alert, &config, &families).map_or_else(|error| error.to_string(), |rule| shown(&rule))
        };
        for (when, expected) in [
            ("leads is low", expect!["no condition: `leads is low`"]),
            ("leads = 5", expect!["no condition: `leads = 5`"]),
            ("leads < few", expect!["`few` is no number to compare with"]),
            ("leads / < 5", expect!["the formula ends too early"]),
            ("lead < 5", expect!["there is no KPI named `lead`"]),
            ("mqls < 5", expect!["KPI `mqls` is not computed"]),
            ("closed_won < 5", expect!["there is no KPI named `closed_won`"]),
            ("1 < 5", expect!["`1 < 5` names no KPI"]),
            (
                "leads / baseline(leads) < 5",
                expect![
                    "`leads` asks for other rows than those of the window: an alert takes KPIs and `total(…)` of them"
                ],
            ),
            ("leads + efficiency_index < 5", expect!["KPI `efficiency_index` has no rows in total in `1d`"]),
        ] {
            expected.assert_eq(&problem(when, "1d", None, None));
        }
        let by_group = problem("visitors < 5", "1d", Some("channel_group"), None);
        expect!["KPI `visitors` has no rows by channel_group in `1d`"].assert_eq(&by_group);
        expect!["KPI `leads` has no rows in total in `now`"].assert_eq(&problem("leads < 5", "now", None, None));
        let at_least = problem("leads < 5", "1d", None, Some("efficiency_index"));
        expect!["KPI `efficiency_index` has no rows in total in `1d`"].assert_eq(&at_least);
    }
}
