// Which KPIs the views show, what they are called, and how to ask for them under the filter that is set.

// Id: name, whether more is better (1), worse (-1) or neither, the unit if another than the row's, and the stage whose
// conversions are behind it.
const KPIS = {
  sessions: ['Sessions', 1], visitors: ['Visitors', 1],
  leads: ['Leads', 1, null, 'lead'], mqls: ['MQLs', 1, null, 'mql'], sals: ['SALs', 1, null, 'sal'],
  sqls: ['SQLs', 1, null, 'sql'], opportunities: ['Opportunities', 1, null, 'opportunity'],
  proposals: ['Proposals', 1, null, 'proposal'], won_deals: ['Won deals', 1, null, 'won'],
  customers: ['New customers', 1], lost_deals: ['Lost deals', -1],
  spend: ['Spend', 0], cost_per_lead: ['Cost per lead', -1, null, 'lead'],
  cost_per_mql: ['Cost per MQL', -1, null, 'mql'], cost_per_sql: ['Cost per SQL', -1, null, 'sql'],
  cost_per_opportunity: ['Cost per opportunity', -1, null, 'opportunity'],
  customer_acquisition_cost: ['Cost per customer', -1], pipeline: ['Pipeline', 1, null, 'opportunity'],
  revenue: ['Revenue', 1, null, 'won'], return_on_ad_spend: ['Return on ad spend', 1, 'times', 'won'],
  return_on_investment: ['Return on investment', 1], efficiency_index: ['Efficiency', 1, 'times'],
  win_ratio: ['Win ratio', 1], sales_cycle_seconds: ['Sales cycle', -1],
  lead_conversion_seconds: ['Lead to won', -1], follow_up_seconds: ['Follow-up', -1],
  sla_met_ratio: ['Followed up in time', 1], sla_breaches: ['Follow-ups missed', -1],
  leaked_leads: ['Leaked leads', -1], leakage_ratio: ['Leakage', -1],
  late_events: ['Late events', -1], dead_letters: ['Rejected records', -1], duplicate_events: ['Duplicates', 0],
};

export const TILES = ['revenue', 'pipeline', 'leads', 'mqls', 'opportunities', 'won_deals', 'spend', 'cost_per_lead',
  'return_on_ad_spend', 'win_ratio'];

export const STAGES = [['lead', 'leads'], ['mql', 'mqls'], ['sal', 'sals'], ['sql', 'sqls'],
  ['opportunity', 'opportunities'], ['proposal', 'proposals'], ['won', 'won_deals']];

// What the models are compared by.
export const METRICS = ['leads', 'mqls', 'sals', 'sqls', 'opportunities', 'won_deals', 'pipeline', 'revenue',
  'cost_per_lead', 'cost_per_opportunity', 'customer_acquisition_cost', 'return_on_ad_spend', 'return_on_investment'];

const stageNames = { lead: 'Lead', mql: 'MQL', sal: 'SAL', sql: 'SQL', opportunity: 'Opportunity',
  proposal: 'Proposal', won: 'Won', demo: 'Demo', meeting: 'Meeting' };

export const nameOf = (kpi) => KPIS[kpi]?.[0] ?? kpi.replaceAll('_', ' ');
export const betterOf = (kpi) => KPIS[kpi]?.[1] ?? 0;
export const unitOf = (kpi, row) => KPIS[kpi]?.[2] ?? row?.unit ?? 'count';
export const stageOf = (kpi) => KPIS[kpi]?.[3] ?? null;
export const stageName = (stage) => stageNames[stage] ?? stage;

// Credit that adds up over channels, rather than a quotient.
export const isAdditive = (kpi) => !/^cost_|_cost$|^return_/.test(kpi);

// The windows whose rows make a line for this one: few long windows have passed yet, of days there are enough.
export function lineWindow(window) {
  return ['all', '1w', '1mo', '1q', '1y'].includes(window) ? '1d' : window;
}

// What an instance computes, by KPI: sets of dimensions and their windows.
export class Catalogue {
  constructor(body) {
    Object.assign(this, { windows: body.windows, models: body.models, zone: body.zone, currency: body.currency });
    // Those that share each conversion by itself: rows by channel have them in every window.
    this.rules = body.models.filter((model) => model !== 'markov' && model !== 'shapley');
    this.kpis = new Map(body.kpis.map((kpi) => [kpi.id, kpi]));
  }

  has(kpi, window, ...dims) {
    return this.windowsOf(kpi, ...dims).includes(window);
  }

  // The windows that have rows with exactly these dimensions.
  windowsOf(kpi, ...dims) {
    const rows = this.kpis.get(kpi)?.rows ?? [];
    return rows.filter((row) => row.dims.length === dims.length && dims.every((dim) => row.dims.includes(dim)))
      .flatMap((row) => row.windows);
  }

  // Which rows of a KPI there are under the filter: values of dimensions, or null.
  scope(kpi, chosen, window = chosen.window) {
    const { channel, campaign, model } = chosen;
    const filter = { ...(channel && { channel }), ...(campaign && { campaign }) };
    const byModel = { ...filter, model };
    const exists = (fixed) => this.has(kpi, window, ...Object.keys(fixed));
    if (Object.keys(filter).length > 0 && exists(byModel)) return byModel;
    return exists(filter) ? filter : null;
  }
}

// A question for rows: these dimensions with these values, those with any, no other.
export function question(kpis, window, fixed, free = [], more = {}) {
  return { kpi: kpis.join(), window, dims: [...Object.keys(fixed), ...free].join(), ...fixed, ...more };
}

// Questions for single rows of KPIs under the filter, those of one shape together.
export function scoped(catalogue, kpis, chosen, windows, more = {}) {
  const shapes = new Map();
  for (const window of new Set(windows)) {
    for (const kpi of kpis) {
      const fixed = catalogue.scope(kpi, chosen, window);
      if (!fixed) continue;
      const shape = `${window} ${JSON.stringify(fixed)}`;
      if (!shapes.has(shape)) shapes.set(shape, { fixed, window, kpis: [] });
      shapes.get(shape).kpis.push(kpi);
    }
  }
  return [...shapes.values()].map((of) => question(of.kpis, of.window, of.fixed, [], more));
}

const DAYS = { '1m': 1 / 1440, '1h': 1 / 24, '1d': 1, '1w': 7, '1mo': 30.4, '1q': 91.3, '1y': 365, all: 3650 };
const daysOf = (window) => DAYS[window] ?? Number.parseInt(window, 10);

// The window itself where the KPI has such rows in it, else the one that comes nearest in length; null if none has.
export function nearest(catalogue, kpi, window, ...dims) {
  const windows = catalogue.windowsOf(kpi, ...dims).filter((other) => other !== 'now');
  if (windows.includes(window)) return window;
  const distance = (other) => Math.abs(Math.log(daysOf(other) / daysOf(window)));
  return windows.sort((a, b) => distance(a) - distance(b))[0] ?? null;
}
