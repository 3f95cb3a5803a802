//! Families of rows: what of the catalogue a configuration publishes. A family is a KPI at one set of dimensions,
//! with its formula resolved to views of measures and the kinds of windows that it has rows in.

use super::catalogue::{self, Kpi, matches_glob, sorted};
use super::formula::{Expr, FormulaError, Name, Operation, Scope, Split, parse};
use super::measures::{Dim, Measure, Sum};
use super::quantities::{CREDIT_MODEL, Quantity, Spread};
use super::spread::Stat;
use crate::config::{Config, Model, UserKpi};
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
    /// What the formula's terms are read from; the formula names them by their place here.
    pub terms: Vec<Term>,
    pub formula: Split<usize>,
    /// Whether a measure of it settles: its rows are final H later.
    pub settling: bool,
    /// Of a family by model: the models that have rows.
    pub models: Vec<String>,
    /// The control of an experiment has no row where others are compared with it.
    pub except: Option<(usize, String)>,
    /// Of a family over a spread: what its rows say of it, and its name as their `stat`.
    pub stat: Option<(&'static str, Stat)>,
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
}

/// A measure, filtered, and projected to the dimensions of rows. Places are those of `Measure::dims`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct View {
    pub measure: Measure,
    pub filters: Vec<(usize, String)>,
    pub outputs: Vec<Projected>,
    /// Of a spread: the place of the bucket, by which its facts stay apart.
    pub bucket: Option<usize>,
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
            match families_by(config, self.kpis.len(), &request, set) {
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

/// Those of a KPI by one set of dimensions: one, or none where the configuration has no such rows; over a spread one a
/// statistic.
fn families_by(config: &Config, kpi: usize, request: &Request, dims: &[Dim]) -> Result<Vec<Family>, FormulaError> {
    if !dims.contains(&Dim::Stat) {
        return family(config, kpi, request, dims).map(|family| family.into_iter().collect());
    }
    let spread = Spread::named(&request.formula)
        .ok_or_else(|| FormulaError::NotBy { name: request.formula.clone(), by: Dim::Stat.name().to_owned() })?;
    let of_stat = |(name, stat)| family_of_spread(config, kpi, spread, (name, stat), dims);
    Ok(Stat::ALL.into_iter().filter_map(of_stat).collect())
}

/// The rows of one statistic over a spread.
fn family_of_spread(
    config: &Config,
    kpi: usize,
    spread: &Spread,
    stat: (&'static str, Stat),
    dims: &[Dim],
) -> Option<Family> {
    let term = |measure: Measure, with_bucket: bool| {
        let place = |wanted: &Dim| measure.dims().iter().position(|dim| dim == wanted);
        let outputs = dims.iter().filter_map(place).map(Projected::Value).collect();
        let bucket = place(&Dim::Bucket).filter(|_| with_bucket);
        Term {
            view: View { measure, filters: Vec::new(), outputs, bucket },
            own: true,
            every_model: false,
            baseline: None,
        }
    };
    let (terms, formula) = match stat.1 {
        Stat::Mean => {
            let over = Expr::Binary(Operation::Over, Box::new(Expr::Term(0)), Box::new(Expr::Term(1)));
            (vec![term(spread.sum, false), term(spread.counts, false)], over)
        }
        Stat::Quantile(_) => (vec![term(spread.counts, true)], Expr::Term(0)),
    };
    let kinds = kinds_of(config, &terms, dims);
    let settling = terms.iter().any(|term| term.view.measure.settles());
    // What a row says is the statistic alone.
    let formula = Split::whole(formula);
    let family = Family {
        kpi,
        dims: dims.to_vec(),
        kinds,
        terms,
        formula,
        settling,
        models: Vec::new(),
        except: None,
        stat: Some(stat),
    };
    (!family.kinds.is_empty()).then_some(family)
}

/// None where the configuration has no such rows.
fn family(
    config: &Config,
    kpi: usize,
    Request { kpi: Published { id, .. }, formula, shows_parts, .. }: &Request,
    dims: &[Dim],
) -> Result<Option<Family>, FormulaError> {
    let by_model = dims.contains(&Dim::Model);
    let models = if by_model { models_of(config, dims) } else { Vec::new() };
    let mut terms = Terms { config, dims, terms: Vec::new(), open: vec![id.to_owned()] };
    let formula = terms.resolve(parse(formula)?)?;
    let formula = if *shows_parts { formula.split() } else { Split::whole(formula) };
    let terms = terms.terms;
    // What a model without content or term would have to say by them does not exist.
    let detailed = dims.iter().any(is_detail);
    let lacks_detail = detailed
        && !config.attribution.detail_models.contains(CREDIT_MODEL)
        && terms.iter().any(|term| term.own && term.view.reads_credit_model());
    let kinds = kinds_of(config, &terms, dims);
    if (by_model && models.is_empty()) || lacks_detail || kinds.is_empty() {
        return Ok(None);
    }
    let settling = terms.iter().any(|term| term.view.measure.settles());
    let of_control = |term: &Term| term.baseline.clone().filter(|(at, _)| dims[*at] == Dim::Variant);
    let except = terms.iter().find_map(of_control);
    Ok(Some(Family { kpi, dims: dims.to_vec(), kinds, terms, formula, settling, models, except, stat: None }))
}

const fn is_detail(dim: &Dim) -> bool {
    matches!(dim, Dim::Content | Dim::Term)
}

fn models_of(config: &Config, dims: &[Dim]) -> Vec<String> {
    let enabled = config.attribution.models.iter().filter(|model| model.is_rule_based()).map(Model::name);
    let detailed = dims.iter().any(is_detail);
    enabled.filter(|model| !detailed || config.attribution.detail_models.contains(*model)).map(str::to_owned).collect()
}

/// The configured kinds that the set has rows in.
fn kinds_of(config: &Config, terms: &[Term], dims: &[Dim]) -> Vec<WindowKind> {
    let marked = is_marked(terms);
    let coarse =
        dims.is_empty() || [&[Dim::Channel][..], &[Dim::ChannelGroup], &[Dim::Channel, Dim::Model]].contains(&dims);
    let widened = |sets: &[Vec<String>]| {
        sets.iter().any(|set| set.len() == dims.len() && dims.iter().all(|dim| set.iter().any(|n| n == dim.name())))
    };
    let is_present = terms.iter().any(|term| term.view.measure.sum() == Sum::Present);
    let has = |kind: &WindowKind| match kind {
        WindowKind::Now => is_present,
        _ if is_present => false,
        WindowKind::Minute => !marked,
        WindowKind::Hour => !marked && (coarse || widened(&config.output.hourly_dims)),
        WindowKind::Rolling(_) => coarse || widened(&config.output.rolling_dims),
        _ => true,
    };
    config.time.windows.iter().copied().filter(has).collect()
}

/// Resolves the names of a formula at a set of dimensions.
struct Terms<'a> {
    config: &'a Config,
    dims: &'a [Dim],
    terms: Vec<Term>,
    /// The KPIs whose formulas are being resolved.
    open: Vec<String>,
}

impl Terms<'_> {
    fn resolve(&mut self, expr: Expr<Name>) -> Result<Expr<usize>, FormulaError> {
        expr.expand(&mut |name| self.name(name))
    }

    fn name(&mut self, name: Name) -> Result<Expr<usize>, FormulaError> {
        if let Some(quantity) = Quantity::named(&name.name) {
            return self.quantity(quantity, name.scope).map(Expr::Term);
        }
        match name.name.as_str() {
            "extra_sessions" => return Ok(Expr::Constant(self.config.what_if_extra_sessions as f64)),
            "gross_margin" => return Ok(Expr::Constant(self.config.money.gross_margin)),
            "lifetime_multiple" => return Ok(Expr::Constant(self.config.money.lifetime_multiple)),
            _ => {}
        }
        let formula = Kpi::named(&name.name)
            .map(|kpi| kpi.formula.to_owned())
            .or_else(|| self.config.kpis.iter().find(|kpi| kpi.id == name.name).map(|kpi| kpi.formula.clone()))
            .ok_or_else(|| FormulaError::Unknown(name.name.clone()))?;
        if self.open.contains(&name.name) {
            return Err(FormulaError::Circular(name.name));
        }
        let mut formula = parse(&formula)?;
        if name.scope != Scope::Row {
            let scope = name.scope;
            formula = formula.expand::<Name, FormulaError>(&mut |inner| Ok(Expr::Term(Name { scope, ..inner })))?;
        }
        self.open.push(name.name);
        let resolved = self.resolve(formula);
        self.open.pop();
        resolved
    }

    fn quantity(&mut self, quantity: &Quantity, scope: Scope) -> Result<usize, FormulaError> {
        let dims = if scope == Scope::Total { &[] } else { self.dims };
        let source = quantity.source(dims).ok_or_else(|| FormulaError::NotBy {
            name: quantity.name.to_owned(),
            by: dims.iter().map(|dim| dim.name()).collect::<Vec<_>>().join(", "),
        })?;
        let place = |dim: Dim| source.measure.dims().iter().position(|found| *found == dim);
        let mut filters = Vec::new();
        if let (Some(stage), Some(at)) = (source.stage, place(Dim::Stage)) {
            filters.push((at, stage.to_owned()));
        }
        if let (false, Some(at)) = (dims.contains(&Dim::Model), place(Dim::Model)) {
            filters.push((at, CREDIT_MODEL.to_owned()));
        }
        let output = |dim: &Dim| match dim {
            Dim::ChannelGroup => place(Dim::Channel).map(Projected::Group),
            dim => place(*dim).map(Projected::Value),
        };
        let every_model = dims.contains(&Dim::Model) && place(Dim::Model).is_none();
        let outputs = dims.iter().filter_map(output).collect();
        let view = View { measure: source.measure, filters, outputs, bucket: None };
        let baseline = self.baseline(quantity, scope)?;
        let term = Term { view, own: scope == Scope::Row, every_model, baseline };
        let known = self.terms.iter().position(|known| *known == term);
        Ok(known.unwrap_or_else(|| {
            self.terms.push(term);
            self.terms.len() - 1
        }))
    }
}

impl Terms<'_> {
    /// What stands in place of a dimension of the row where a formula asks for the baseline.
    fn baseline(&self, quantity: &Quantity, scope: Scope) -> Result<Option<(usize, String)>, FormulaError> {
        if scope != Scope::Baseline {
            return Ok(None);
        }
        let of = |wanted: Dim| self.dims.iter().position(|dim| *dim == wanted);
        let channel = of(Dim::Channel).map(|at| (at, self.config.money.baseline_channel.clone()));
        let control = of(Dim::Variant).map(|at| (at, self.config.experiments.control.clone()));
        let by = self.dims.iter().map(|dim| dim.name()).collect::<Vec<_>>().join(", ");
        channel.or(control).map(Some).ok_or_else(|| FormulaError::NotBy { name: quantity.name.to_owned(), by })
    }
}

impl View {
    /// The places of the dimensions that it reads.
    pub fn places(&self) -> impl Iterator<Item = usize> {
        let outputs = self.outputs.iter().map(|output| match output {
            Projected::Value(at) | Projected::Group(at) => *at,
        });
        self.filters.iter().map(|(at, _)| *at).chain(outputs).chain(self.bucket)
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
