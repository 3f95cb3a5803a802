//! Families of rows: what of the catalogue a configuration publishes. A family is a KPI at one set of dimensions,
//! with its formula resolved to views of measures and the kinds of windows that it has rows in.

use super::catalogue::{self, Kpi, matches_glob, sorted};
use super::formula::{Expr, FormulaError, Name, Split, parse};
use super::measures::{Dim, Measure};
use super::quantities::{CREDIT_MODEL, Quantity};
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
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term {
    pub view: View,
    /// Reads the facts of the row's own dimensions: a row exists where one of these has a fact.
    pub own: bool,
    /// Is the same under every model: the view lacks the row's model.
    pub every_model: bool,
}

/// A measure, filtered, and projected to the dimensions of rows. Places are those of `Measure::dims`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct View {
    pub measure: Measure,
    pub filters: Vec<(usize, String)>,
    pub outputs: Vec<Projected>,
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
    let wanted = |id: &str| config.output.kpis.iter().any(|glob| matches_glob(glob, id));
    for kpi in catalogue::built_in().filter(|kpi| wanted(kpi.id)) {
        made.add(config, Request::built_in(kpi));
    }
    for kpi in config.kpis.iter().filter(|kpi| wanted(&kpi.id)) {
        match Request::of_user(kpi) {
            Ok(request) => made.add(config, request),
            Err(error) => made.problems.push(KpiProblem { id: kpi.id.clone(), error }),
        }
    }
    made
}

/// What would have to be published.
struct Request {
    kpi: Published,
    formula: String,
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
            sets,
        })
    }
}

impl Families {
    fn add(&mut self, config: &Config, request: Request) {
        let id = request.kpi.id.clone();
        let before = self.families.len();
        for set in &request.sets {
            match family(config, self.kpis.len(), &id, &request.formula, set) {
                Ok(Some(family)) => self.families.push(family),
                Ok(None) => {}
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

/// None where the configuration has no such rows.
fn family(config: &Config, kpi: usize, id: &str, formula: &str, dims: &[Dim]) -> Result<Option<Family>, FormulaError> {
    let by_model = dims.contains(&Dim::Model);
    let models = if by_model { models_of(config, dims) } else { Vec::new() };
    let mut terms = Terms { config, dims, terms: Vec::new(), open: vec![id.to_owned()] };
    let formula = terms.resolve(parse(formula)?)?.split();
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
    Ok(Some(Family { kpi, dims: dims.to_vec(), kinds, terms, formula, settling, models }))
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
    // Spend settles, but spend and what it costs is not marked ~.
    let marked = terms.iter().any(|term| term.view.measure.settles() && term.view.measure != Measure::Spend);
    let coarse =
        dims.is_empty() || [&[Dim::Channel][..], &[Dim::ChannelGroup], &[Dim::Channel, Dim::Model]].contains(&dims);
    let widened = |sets: &[Vec<String>]| {
        sets.iter().any(|set| set.len() == dims.len() && dims.iter().all(|dim| set.iter().any(|n| n == dim.name())))
    };
    let has = |kind: &WindowKind| match kind {
        WindowKind::Now => false,
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
            return self.quantity(quantity, name.total).map(Expr::Term);
        }
        if name.name == "extra_sessions" {
            return Ok(Expr::Constant(self.config.what_if_extra_sessions as f64));
        }
        let formula = Kpi::named(&name.name)
            .map(|kpi| kpi.formula.to_owned())
            .or_else(|| self.config.kpis.iter().find(|kpi| kpi.id == name.name).map(|kpi| kpi.formula.clone()))
            .ok_or_else(|| FormulaError::Unknown(name.name.clone()))?;
        if self.open.contains(&name.name) {
            return Err(FormulaError::Circular(name.name));
        }
        let mut formula = parse(&formula)?;
        if name.total {
            formula =
                formula.expand::<Name, FormulaError>(&mut |inner| Ok(Expr::Term(Name { total: true, ..inner })))?;
        }
        self.open.push(name.name);
        let resolved = self.resolve(formula);
        self.open.pop();
        resolved
    }

    fn quantity(&mut self, quantity: &Quantity, total: bool) -> Result<usize, FormulaError> {
        let dims = if total { &[] } else { self.dims };
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
        let term = Term { view: View { measure: source.measure, filters, outputs }, own: !total, every_model };
        let known = self.terms.iter().position(|known| *known == term);
        Ok(known.unwrap_or_else(|| {
            self.terms.push(term);
            self.terms.len() - 1
        }))
    }
}

impl View {
    /// The places of the dimensions that it reads.
    pub fn places(&self) -> impl Iterator<Item = usize> {
        let outputs = self.outputs.iter().map(|output| match output {
            Projected::Value(at) | Projected::Group(at) => *at,
        });
        self.filters.iter().map(|(at, _)| *at).chain(outputs)
    }

    fn reads_credit_model(&self) -> bool {
        self.filters.iter().any(|(at, _)| self.measure.dims().get(*at) == Some(&Dim::Model))
    }
}
