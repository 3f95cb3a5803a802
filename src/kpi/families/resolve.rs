//! From a KPI and a set of dimensions to families: the names of its formula become views of measures.

use super::super::catalogue::{Journeys, Kpi};
use super::super::formula::{Expr, FormulaError, Name, Operation, Scope, Split, parse};
use super::super::measures::{Dim, Measure, Sum};
use super::super::quantities::{CREDIT_MODEL, Quantity, Spread};
use super::super::spread::Stat;
use super::{Family, Given, Operand, Projected, Published, Request, TargetOf, Term, View, is_marked};
use crate::config::{Config, Model};
use crate::model::stage::Stage;
use crate::model::window::WindowKind;

mod journeys;

/// Those of a KPI by one set of dimensions: one, or none where the configuration has no such rows; one more in `now` where
/// that is another formula; over a spread one a statistic, of goals one a KPI.
pub(super) fn families_by(
    config: &Config,
    kpi: usize,
    request: &Request,
    dims: &[Dim],
) -> Result<Vec<Family>, FormulaError> {
    if dims.contains(&Dim::Stat) {
        let spread = Spread::named(&request.formula)
            .ok_or_else(|| FormulaError::NotBy { name: request.formula.clone(), by: Dim::Stat.name().to_owned() })?;
        let of_stat = |stat| family_of_spread(config, kpi, spread, stat, dims);
        return Ok(Stat::ALL.into_iter().filter_map(of_stat).collect());
    }
    if request.of_goals {
        return match Spread::named(&request.formula) {
            Some(spread) => Ok(goal_times(config, kpi, spread).into_iter().collect()),
            None if request.formula == REQUIRED => required(config, kpi, request),
            None => goals(config, kpi, request),
        };
    }
    let mut families = match request.journeys {
        Some(what) => journeys::families(config, kpi, what, dims),
        None => Vec::new(),
    };
    if request.journeys.is_some_and(|what| what != Journeys::Share) {
        return Ok(families);
    }
    for formula in std::iter::once(&request.formula).chain(&request.present) {
        families.extend(family(config, kpi, request, formula, dims)?);
    }
    Ok(families)
}

/// The rows of one statistic over a spread.
fn family_of_spread(
    config: &Config,
    kpi: usize,
    spread: &Spread,
    (name, stat): (&'static str, Stat),
    dims: &[Dim],
) -> Option<Family> {
    let term = |measure: Measure, with_bucket: bool| {
        let place = |wanted: &Dim| measure.dims().iter().position(|dim| dim == wanted);
        let outputs = dims.iter().filter_map(place).map(Projected::Value).collect();
        let bucket = place(&Dim::Bucket).filter(|_| with_bucket);
        let view = View { measure, filters: Vec::new(), outputs, bucket, members: Vec::new() };
        Term { view, own: true, every_model: false, baseline: None, over: Scope::Row }
    };
    let (terms, formula) = match stat {
        Stat::Mean => {
            let operand = |term| Box::new(Expr::Term(Operand::Term(term)));
            let over = Expr::Binary(Operation::Over, operand(0), operand(1));
            (vec![term(spread.sum, false), term(spread.counts, false)], over)
        }
        Stat::Quantile(_) => (vec![term(spread.counts, true)], Expr::Term(Operand::Term(0))),
    };
    let kinds = kinds_of(config, &terms, dims);
    // What a row says is the statistic alone.
    let family = Family {
        named: Some((Dim::Stat, name.to_owned())),
        stat: Some(stat),
        ..Family::new(kpi, dims, kinds, terms, Split::whole(formula))
    };
    (!family.kinds.is_empty()).then_some(family)
}

/// The rows of each goal: its KPI's total, measured against the target.
fn goals(config: &Config, kpi: usize, request: &Request) -> Result<Vec<Family>, FormulaError> {
    let mut families: Vec<Family> = Vec::new();
    for goal in &config.goals.targets {
        if families.iter().any(|family| family.target == Some(TargetOf::Goal(goal.kpi.clone()))) {
            continue;
        }
        let mut terms = Terms { goal: Some(&goal.kpi), ..Terms::new(config, &[], &request.kpi.id) };
        let formula = terms.resolve(parse(&request.formula)?)?;
        // Also where the formula asks for the target alone: rows begin with the first fact that is kept.
        terms.resolve(parse("goal_value")?)?;
        let formula = if request.shows_parts { formula.split() } else { Split::whole(formula) };
        let kinds = kinds_of_goal(config, &goal.kpi);
        let unit = Kpi::named(&goal.kpi).map(|kpi| kpi.unit.name().to_owned());
        let unit = unit.or_else(|| config.kpis.iter().find(|kpi| kpi.id == goal.kpi).map(|kpi| kpi.unit.clone()));
        families.push(Family {
            named: Some((Dim::Kpi, goal.kpi.clone())),
            target: Some(TargetOf::Goal(goal.kpi.clone())),
            unit: unit.filter(|_| !request.shows_parts),
            ..Family::new(kpi, &[Dim::Kpi], kinds, terms.terms, formula)
        });
    }
    Ok(families)
}

/// What a goal of revenue asks of each stage.
pub(super) const REQUIRED: &str = "required";
/// The KPI whose goals ask it.
const REVENUE: &str = "revenue";

/// The kinds of windows of the goals of a KPI.
fn kinds_of_goal(config: &Config, kpi: &str) -> Vec<WindowKind> {
    let of_goal = config.goals.targets.iter().filter(|target| target.kpi == kpi);
    let mut kinds: Vec<WindowKind> = of_goal.map(|target| target.window).collect();
    kinds.retain(|kind| config.time.windows.contains(kind));
    kinds.sort_unstable();
    kinds.dedup();
    kinds
}

/// The entries of each stage that a goal of revenue needs: deals of the average value, back through the stage ratios.
fn required(config: &Config, kpi: usize, request: &Request) -> Result<Vec<Family>, FormulaError> {
    let kinds = kinds_of_goal(config, REVENUE);
    let mut families = Vec::new();
    for (n, stage) in Stage::LADDER.into_iter().enumerate().filter(|_| !kinds.is_empty()) {
        let mut text = "target_amount / last_year(average_deal_value)".to_owned();
        for from in &Stage::LADDER[n..Stage::LADDER.len() - 1] {
            text.push_str(&match config.goals.ratios.get(from) {
                Some(ratio) => format!(" / {ratio}"),
                None => format!(" / (last_year(moved_{0}) / last_year(entered_{0}))", from.name()),
            });
        }
        let mut terms = Terms::new(config, &[Dim::Stage], &request.kpi.id);
        let formula = Split::whole(terms.resolve(parse(&text)?)?);
        families.push(Family {
            named: Some((Dim::Stage, stage.name().to_owned())),
            target: Some(TargetOf::Goal(REVENUE.to_owned())),
            ..Family::new(kpi, &[Dim::Stage], kinds.clone(), terms.terms, formula)
        });
    }
    Ok(families)
}

/// The median time from a stage to won of the last year, where there are goals of revenue.
fn goal_times(config: &Config, kpi: usize, spread: &Spread) -> Option<Family> {
    let kinds = kinds_of_goal(config, REVENUE);
    let place = |wanted: Dim| spread.counts.dims().iter().position(|dim| *dim == wanted);
    let outputs = place(Dim::Stage).map(Projected::Value).into_iter().collect();
    let view =
        View { measure: spread.counts, filters: Vec::new(), outputs, bucket: place(Dim::Bucket), members: Vec::new() };
    let term = Term { view, own: true, every_model: false, baseline: None, over: Scope::Year };
    let formula = Split::whole(Expr::Term(Operand::Term(0)));
    (!kinds.is_empty()).then(|| Family {
        stat: Some(Stat::Quantile(0.5)),
        target: Some(TargetOf::Goal(REVENUE.to_owned())),
        ..Family::new(kpi, &[Dim::Stage], kinds, vec![term], formula)
    })
}

/// None where the configuration has no such rows.
fn family(
    config: &Config,
    kpi: usize,
    Request { kpi: Published { id, .. }, shows_parts, over_channels, .. }: &Request,
    formula: &str,
    dims: &[Dim],
) -> Result<Option<Family>, FormulaError> {
    let by_model = dims.contains(&Dim::Model);
    let models = if by_model { models_of(config, dims) } else { Vec::new() };
    let mut terms = Terms::new(config, dims, id);
    let formula = terms.resolve(parse(formula)?)?;
    let target = formula.any(&|operand| matches!(operand, Operand::Given(_))).then_some(TargetOf::Budget);
    if target.is_some() {
        // Rows begin with the first fact, also where the formula asks for none.
        terms.resolve(Expr::Term(Name { name: "spend".to_owned(), scope: Scope::Row }))?;
    }
    let formula = if *shows_parts { formula.split() } else { Split::whole(formula) };
    let terms = terms.terms;
    // What a model without content or term would have to say by them does not exist.
    let detailed = dims.iter().any(is_detail);
    let lacks_detail = detailed
        && !config.attribution.detail_models.contains(CREDIT_MODEL)
        && terms.iter().any(|term| term.own && term.view.reads_credit_model());
    let mut kinds = kinds_of(config, &terms, dims);
    if target.is_some() {
        kinds.retain(|kind| config.budgets.iter().any(|budget| budget.window == *kind));
    }
    if (by_model && models.is_empty()) || lacks_detail || kinds.is_empty() {
        return Ok(None);
    }
    let of_control = |term: &Term| term.baseline.clone().filter(|(at, _)| dims[*at] == Dim::Variant);
    let except = terms.iter().find_map(of_control);
    let over_channels = *over_channels && dims.is_empty();
    Ok(Some(Family { models, except, target, over_channels, ..Family::new(kpi, dims, kinds, terms, formula) }))
}

impl Family {
    fn new(kpi: usize, dims: &[Dim], kinds: Vec<WindowKind>, terms: Vec<Term>, formula: Split<Operand>) -> Self {
        let settling = terms.iter().any(|term| term.view.measure.settles());
        Self {
            kpi,
            dims: dims.to_vec(),
            kinds,
            terms,
            formula,
            settling,
            models: Vec::new(),
            except: None,
            named: None,
            stat: None,
            target: None,
            unit: None,
            over_channels: false,
            journeys: None,
        }
    }
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
    let is_now = |sum| matches!(sum, Sum::Present | Sum::Standing);
    let is_present = terms.iter().any(|term| term.own && is_now(term.view.measure.sum()));
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
    /// The KPI that `goal_value` stands for.
    goal: Option<&'a str>,
}

impl<'a> Terms<'a> {
    fn new(config: &'a Config, dims: &'a [Dim], kpi: &str) -> Self {
        Self { config, dims, terms: Vec::new(), open: vec![kpi.to_owned()], goal: None }
    }

    fn resolve(&mut self, expr: Expr<Name>) -> Result<Expr<Operand>, FormulaError> {
        expr.expand(&mut |name| self.name(name))
    }

    fn name(&mut self, mut name: Name) -> Result<Expr<Operand>, FormulaError> {
        if let Some(goal) = self.goal.filter(|_| name.name == "goal_value") {
            name.name = goal.to_owned();
        }
        if let Some(quantity) = Quantity::named(&name.name) {
            return self.quantity(quantity, name.scope).map(|term| Expr::Term(Operand::Term(term)));
        }
        if let Some(given) = self.given(&name.name) {
            return Ok(given);
        }
        if Kpi::named(&name.name).is_some_and(|kpi| kpi.journeys.is_some()) {
            return Err(FormulaError::OfJourneys(name.name));
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

    /// What stands for no fact: a setting, or what a row is given by its window.
    fn given(&self, name: &str) -> Option<Expr<Operand>> {
        let given = |given| Some(Expr::Term(Operand::Given(given)));
        let chance = |stage| self.config.funnel.probability.get(&stage).copied().unwrap_or(0.0);
        let constant = match name {
            "target_amount" => return given(Given::Amount),
            "elapsed_share" => return given(Given::Elapsed),
            "worked_share" => return given(Given::Worked),
            "extra_sessions" => self.config.what_if_extra_sessions as f64,
            "gross_margin" => self.config.money.gross_margin,
            "lifetime_multiple" => self.config.money.lifetime_multiple,
            "chance_of_opportunity" => chance(Stage::Opportunity),
            "chance_of_proposal" => chance(Stage::Proposal),
            _ => return None,
        };
        Some(Expr::Constant(constant))
    }

    fn quantity(&mut self, quantity: &Quantity, scope: Scope) -> Result<usize, FormulaError> {
        let stage = [Dim::Stage];
        let dims = match scope {
            _ if scope.is_whole() => &[],
            Scope::Stage if self.dims.contains(&Dim::Stage) => &stage[..],
            _ => self.dims,
        };
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
        let view = View { measure: source.measure, filters, outputs, bucket: None, members: Vec::new() };
        let baseline = self.baseline(quantity, scope)?;
        let own = matches!(scope, Scope::Row | Scope::Quarter);
        let term = Term { view, own, every_model, baseline, over: scope };
        let known = self.terms.iter().position(|known| *known == term);
        Ok(known.unwrap_or_else(|| {
            self.terms.push(term);
            self.terms.len() - 1
        }))
    }

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
