//! Families of rows: what of the catalogue a configuration publishes. A family is a KPI at one set of dimensions,
//! with its formula resolved to views of measures and the kinds of windows that it has rows in.

mod resolve;

use super::catalogue::{self, Journeys, Kpi, matches_glob, sorted};
use super::formula::{FormulaError, Scope, Split};
use super::measures::{Dim, Measure};
use super::quantities::Quantity;
use super::spread::Stat;
use crate::config::{Config, UserKpi};
use crate::model::window::WindowKind;

/// A KPI as rows name it, built in or of the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    pub id: String,
    pub unit: String,
    pub meaning: String,
    pub interval: bool,
}

#[derive(Clone, Debug)]
pub struct Family {
    /// Which of the published KPIs.
    pub kpi: usize,
    /// By name.
    pub dims: Vec<Dim>,
    pub kinds: Vec<WindowKind>,
    /// What the formula's terms are read from, by their place here.
    pub terms: Vec<Term>,
    pub formula: Split<Operand>,
    /// Whether a measure of it settles: its rows are final H later.
    pub settling: bool,
    /// Of a family by model: the models that have rows.
    pub models: Vec<String>,
    /// The control of an experiment has no row where others are compared with it.
    pub except: Option<(usize, String)>,
    /// A value that all of its rows have of a dimension that no fact has: a statistic's name, a goal's KPI.
    pub named: Option<(Dim, String)>,
    /// Of a family over a spread: what its rows say of it.
    pub stat: Option<Stat>,
    /// What its rows are measured against.
    pub target: Option<TargetOf>,
    /// Other than its KPI's.
    pub unit: Option<String>,
    /// Its value is the sum of those of the channels.
    pub over_channels: bool,
    /// Made of the journeys of a stage: a group is a stage, and has a row of each channel, pair or path.
    pub journeys: Option<OfJourneys>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OfJourneys {
    pub what: Journeys,
    pub model: DataDriven,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DataDriven {
    Markov,
    Shapley,
}

/// What a formula works with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operand {
    Term(usize),
    Given(Given),
}

/// What a row is given by its window and the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Given {
    /// Of the budget or goal.
    Amount,
    /// The share of the window that has gone by the watermark.
    Elapsed,
    /// The same of its working time.
    Worked,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TargetOf {
    Budget,
    /// Of a KPI.
    Goal(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term {
    pub view: View,
    /// Reads the facts of the row's own dimensions: a row exists where one of these has a fact.
    pub own: bool,
    /// Is the same under every model: the view lacks the row's model.
    pub every_model: bool,
    /// Reads the facts of the baseline instead: where it stands among the family's dimensions, and its name.
    pub baseline: Option<(usize, String)>,
    /// Which facts, where these are not those of the row's window: of the quarter, of the last year.
    pub over: Scope,
}

/// A measure, filtered, and projected to the dimensions of rows. Places are those of `Measure::dims`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct View {
    pub measure: Measure,
    pub filters: Vec<(usize, String)>,
    pub outputs: Vec<Projected>,
    /// Of a spread: the place of the bucket, by which its facts stay apart.
    pub bucket: Option<usize>,
    /// By what facts stay apart that rows are made of together.
    pub members: Vec<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Projected {
    Value(usize),
    /// The group of the channel at this place.
    Group(usize),
}

/// What is wrong with a KPI of the configuration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("KPI `{id}`: {error}")]
pub struct KpiProblem {
    pub id: String,
    pub error: FormulaError,
}

#[derive(Clone, Debug)]
pub struct Families {
    pub kpis: Vec<Published>,
    pub families: Vec<Family>,
    /// KPIs of the configuration that cannot be computed, and so have no family: for `check` to refuse.
    pub problems: Vec<KpiProblem>,
}

/// The families of the KPIs that `output.kpis` selects.
#[must_use]
pub fn families_of(config: &Config) -> Families {
    let mut made = Families { kpis: Vec::new(), families: Vec::new(), problems: Vec::new() };
    for kpi in catalogue::built_in().filter(|kpi| selected(config, kpi.id)) {
        made.add(config, Request::built_in(kpi));
    }
    for kpi in config.kpis.iter().filter(|kpi| selected(config, &kpi.id)) {
        made.add_user(config, kpi);
    }
    made
}

/// Whether `output.kpis` names a KPI.
#[must_use]
pub fn selected(config: &Config, id: &str) -> bool {
    config.output.kpis.iter().any(|glob| matches_glob(glob, id))
}

/// What is wrong with the KPIs of a configuration, selected or not.
#[must_use]
pub fn problems_of(config: &Config) -> Vec<KpiProblem> {
    let mut made = Families { kpis: Vec::new(), families: Vec::new(), problems: Vec::new() };
    for kpi in &config.kpis {
        made.add_user(config, kpi);
    }
    made.problems
}

/// Whether a KPI is marked ~: at one set of dimensions at least its facts settle. Spend settles unmarked.
#[must_use]
pub fn is_settling(config: &Config, id: &str) -> bool {
    let mut made = Families { kpis: Vec::new(), families: Vec::new(), problems: Vec::new() };
    match (Kpi::named(id), config.kpis.iter().find(|kpi| kpi.id == id)) {
        (Some(kpi), _) => made.add(config, Request::built_in(kpi)),
        (None, Some(kpi)) => made.add_user(config, kpi),
        (None, None) => {}
    }
    made.families.iter().any(|family| is_marked(&family.terms))
}

fn is_marked(terms: &[Term]) -> bool {
    terms.iter().any(|term| term.view.measure.settles() && term.view.measure != Measure::Spend)
}

/// What would have to be published.
struct Request {
    kpi: Published,
    formula: String,
    /// Whether rows show the numerator and denominator of a quotient.
    shows_parts: bool,
    /// Whether the rows are those of goals.
    of_goals: bool,
    /// Whether the total is the sum over channels.
    over_channels: bool,
    journeys: Option<Journeys>,
    /// In place of the formula in `now`.
    present: Option<String>,
    sets: Vec<Vec<Dim>>,
}

impl Request {
    fn built_in(kpi: &Kpi) -> Self {
        Self {
            kpi: Published {
                id: kpi.id.to_owned(),
                unit: kpi.unit.name().to_owned(),
                meaning: kpi.meaning.to_owned(),
                interval: kpi.interval,
            },
            formula: kpi.formula.to_owned(),
            shows_parts: kpi.shows_parts,
            of_goals: kpi.of_goals,
            over_channels: kpi.over_channels,
            journeys: kpi.journeys,
            present: kpi.present.map(str::to_owned),
            sets: kpi.sets(),
        }
    }

    /// Besides the sets given there is the total.
    fn of_user(kpi: &UserKpi) -> Result<Self, FormulaError> {
        let dim = |name: &String| Dim::parse(name).ok_or_else(|| FormulaError::Dimension(name.clone()));
        let mut sets = vec![vec![]];
        for names in &kpi.by {
            let set = sorted(&names.iter().map(dim).collect::<Result<Vec<_>, _>>()?);
            if !sets.contains(&set) {
                sets.push(set);
            }
        }
        Ok(Self {
            kpi: Published {
                id: kpi.id.clone(),
                unit: kpi.unit.clone(),
                meaning: format!("Of the configuration: {}.", kpi.formula),
                interval: false,
            },
            formula: kpi.formula.clone(),
            shows_parts: true,
            of_goals: false,
            over_channels: false,
            journeys: None,
            present: None,
            sets,
        })
    }
}

impl Families {
    fn add_user(&mut self, config: &Config, kpi: &UserKpi) {
        let taken = Kpi::named(&kpi.id).is_some() || Quantity::named(&kpi.id).is_some();
        let request = if taken { Err(FormulaError::Taken(kpi.id.clone())) } else { Request::of_user(kpi) };
        match request {
            Ok(request) => self.add(config, request),
            Err(error) => self.problems.push(KpiProblem { id: kpi.id.clone(), error }),
        }
    }

    fn add(&mut self, config: &Config, request: Request) {
        let id = request.kpi.id.clone();
        let before = self.families.len();
        for set in &request.sets {
            match resolve::families_by(config, self.kpis.len(), &request, set) {
                Ok(families) => self.families.extend(families),
                // A total that a formula cannot have is no fault: `[[kpi]] by` lists what is asked for.
                Err(FormulaError::NotBy { .. }) if set.is_empty() && request.sets.len() > 1 => {}
                Err(error) => {
                    self.families.truncate(before);
                    self.problems.push(KpiProblem { id, error });
                    return;
                }
            }
        }
        self.kpis.push(request.kpi);
    }
}

impl View {
    /// The places of the dimensions that it reads.
    pub fn places(&self) -> impl Iterator<Item = usize> {
        let outputs = self.outputs.iter().map(|output| match output {
            Projected::Value(at) | Projected::Group(at) => *at,
        });
        self.filters.iter().map(|(at, _)| *at).chain(outputs).chain(self.bucket).chain(self.members.iter().copied())
    }

    fn reads_credit_model(&self) -> bool {
        self.filters.iter().any(|(at, _)| self.measure.dims().get(*at) == Some(&Dim::Model))
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;
    use crate::kpi::plan::plan_of;

    fn config(toml: &str) -> Config {
        Config::parse(toml, "test.toml", std::iter::empty()).expect("a valid configuration")
    }

    /// The families as `kpi by dims in kinds`.
    fn check(toml: &str, expected: &Expect) {
        let made = families_of(&config(toml));
        let line = |family: &Family| {
            let dims: Vec<_> = family.dims.iter().map(|dim| dim.name()).collect();
            let kinds: Vec<_> = family.kinds.iter().map(ToString::to_string).collect();
            format!("{} by {} in {}\n", made.kpis[family.kpi].id, dims.join(","), kinds.join(" "))
        };
        expected.assert_eq(&made.families.iter().map(line).collect::<String>());
    }

    #[test]
    fn windows_have_the_sets_that_they_carry() {
        let windows = "[time]\nwindows = [\"1m\", \"1h\", \"1d\", \"30d\", \"all\", \"now\"]\n";
        check(
            &format!("{windows}[output]\nkpis = [\"customers\", \"visitors\"]\nhourly_dims = [[\"landing_page\"]]\n"),
            &expect![[r#"
                visitors by  in 1m 1h 1d 30d all
                visitors by channel in 1m 1h 1d 30d all
                visitors by landing_page in 1m 1h 1d all
                customers by  in 1m 1h 1d 30d all
                customers by channel,model in 1m 1h 1d 30d all
                customers by campaign,channel,model in 1m 1d all
                customers by campaign,channel,content,model in 1m 1d all
                customers by channel,model,term in 1m 1d all
                customers by channel_group,model in 1m 1d all
                customers by segment in 1d all
            "#]],
        );
        check(
            &format!("{windows}[output]\nkpis = [\"pipeline\"]\n[attribution]\ndetail_models = []\n"),
            &expect![[r#"
                pipeline by  in 1d 30d all
                pipeline by channel,model in 1d 30d all
                pipeline by campaign,channel,model in 1d all
                pipeline by channel_group,model in 1d all
                pipeline by segment in 1d all
            "#]],
        );
    }

    #[test]
    fn the_plan_is_what_the_kpis_need() {
        let config = config(
            "[time]\nwindows = [\"1h\", \"1d\", \"1mo\", \"30d\"]\n\
             [output]\nkpis = [\"session_lead_ratio\", \"visitors\", \"lead_mql_ratio\"]\n",
        );
        let plan = plan_of(&config);
        let mut text = String::new();
        for measure in Measure::ALL {
            for (kind, kept) in plan.grains(*measure) {
                let dims = measure.dims().iter().enumerate().filter(|(at, _)| kept.keeps(*at));
                let dims: Vec<_> = dims.map(|(_, dim)| dim.name()).collect();
                text += &format!("{measure:?} {kind} {}\n", dims.join(","));
            }
        }
        expect![[r#"
            Sessions 1h channel
            Sessions 1d channel,campaign
            Sessions 1d landing_page
            Visitors 1h 
            Visitors 1d 
            Visitors 1mo 
            Visitors 30d 
            VisitorsByChannel 1h channel
            VisitorsByChannel 1d channel
            VisitorsByChannel 1mo channel
            VisitorsByChannel 30d channel
            VisitorsByLandingPage 1d landing_page
            VisitorsByLandingPage 1mo landing_page
            Entries 1h stage
            Entries 1d stage
            EntryCredit 1h stage,model,channel
            EntryCredit 1d stage,model,channel,campaign
            LeadsByLandingPage 1d landing_page
            Cohort 1d stage,channel,campaign
            CohortReached 1d stage,channel,campaign
            CohortBySegment 1d stage,segment
            CohortReachedBySegment 1d stage,segment
        "#]]
        .assert_eq(&text);
    }

    #[test]
    fn what_cannot_be_computed_is_a_problem() {
        let problem = |id: &str, formula: &str, by: &str| {
            let mut config = config("");
            let by = vec![by.split(' ').filter(|name| !name.is_empty()).map(str::to_owned).collect()];
            config.kpis.push(UserKpi { id: id.to_owned(), unit: "count".to_owned(), formula: formula.to_owned(), by });
            problems_of(&config).first().map_or_else(|| "fine".to_owned(), ToString::to_string)
        };
        assert_eq!(problem("mine", "spend / demos", "channel"), "fine");
        assert_eq!(problem("mine", "stage_conversion_ratio * 2", "stage"), "fine");
        expect!["KPI `mine`: `sessions` cannot be had by channel, model"].assert_eq(&problem(
            "mine",
            "spend / sessions",
            "model channel",
        ));
        expect!["KPI `mine`: there is no KPI or measure named `dmos`"].assert_eq(&problem("mine", "spend / dmos", ""));
        expect!["KPI `mine`: `mine` is defined by itself"].assert_eq(&problem("mine", "1 + mine", ""));
        expect!["KPI `leads`: `leads` is built in"].assert_eq(&problem("leads", "sessions", ""));
        expect!["KPI `mine`: unexpected `;` at column 7"].assert_eq(&problem("mine", "leads ; x", ""));
        expect!["KPI `mine`: there is no dimension named `colour`"].assert_eq(&problem("mine", "leads", "colour"));
    }
}
