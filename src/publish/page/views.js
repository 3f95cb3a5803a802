// From rows to what is seen. Each view replaces the content of its own element; text is always set as text.

import { change, count, moment, number, span, windowName, words } from './format.js';

// KPI, name, unit where it is shown in another, whether more is better (0: neither).
export const TILES = [
  ['leads', 'Leads', null, 1], ['mqls', 'MQLs', null, 1], ['sqls', 'SQLs', null, 1],
  ['opportunities', 'Opportunities', null, 1], ['won_deals', 'Won deals', null, 1], ['spend', 'Spend', null, 0],
  ['cost_per_lead', 'Cost per lead', null, -1], ['pipeline', 'Pipeline', null, 1], ['revenue', 'Revenue', null, 1],
  ['return_on_ad_spend', 'Return on ad spend', 'times', 1],
];

export const FUNNEL = [
  ['leads', 'Leads'], ['mqls', 'MQLs'], ['sals', 'SALs'], ['sqls', 'SQLs'], ['opportunities', 'Opportunities'],
  ['proposals', 'Proposals'], ['won_deals', 'Won deals'],
];

export const METRICS = [
  ['leads', 'Leads'], ['mqls', 'MQLs'], ['sqls', 'SQLs'], ['opportunities', 'Opportunities'],
  ['won_deals', 'Won deals'], ['pipeline', 'Pipeline'], ['revenue', 'Revenue'], ['cost_per_lead', 'Cost per lead'],
  ['return_on_ad_spend', 'Return on ad spend'],
];

const SVG = 'http://www.w3.org/2000/svg';

export function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

function drawing(name, attributes, ...children) {
  const made = document.createElementNS(SVG, name);
  for (const [attribute, value] of Object.entries(attributes)) made.setAttribute(attribute, value);
  made.append(...children);
  return made;
}

// The windows whose rows make a line for this one: few long windows have passed yet, of days there are enough.
export function lineWindow(window) {
  return ['all', '1w', '1mo', '1q', '1y'].includes(window) ? '1d' : window;
}

export function tiles(into, store, view, changed) {
  TILES.forEach(([kpi, name, unit, better], at) => {
    const tile = into.children[at] ?? into.appendChild(emptyTile(kpi, name));
    const row = store.running(kpi, view.window).at(-1);
    const parts = tile.parts;
    set(parts.value, number(row?.value, unit ?? row?.unit ?? 'count', row?.currency));
    const whole = row && row.previous !== null ? number(row.previous, unit ?? row.unit, row.currency) : null;
    set(parts.change, change(row?.change));
    // A window under way is not yet comparable with a whole one: only rolling ones are judged.
    const rolling = /^\d+d$/.test(view.window) && view.window !== '1d';
    const good = Math.sign(row?.change ?? 0) * better * (rolling ? 1 : 0);
    parts.change.className = `change ${good > 0 ? 'good' : good < 0 ? 'bad' : ''}`;
    parts.change.title = whole === null ? '' : `${whole} in the window before${rolling ? '' : ', the whole of it'}`;
    const line = store.series(kpi, lineWindow(view.window)).slice(-60);
    sparkline(parts.line, line);
    parts.row = row;
    if (changed.has(kpi)) {
      tile.classList.remove('changed');
      void tile.offsetWidth;
      tile.classList.add('changed');
    }
  });
}

function emptyTile(kpi, name) {
  const parts = {
    value: element('span', { className: 'value' }),
    change: element('span', { className: 'change' }),
    line: drawing('svg', { viewBox: '0 0 100 40', preserveAspectRatio: 'none', 'aria-hidden': 'true' }),
    fresh: element('span', { className: 'fresh' }),
  };
  const title = element('h3', { textContent: name });
  const tile = element('li', { id: `tile-${kpi}` }, title, parts.value, parts.change, parts.line, parts.fresh);
  return Object.assign(tile, { parts });
}

function set(into, text) {
  if (into.textContent !== text) into.textContent = text;
}

function sparkline(into, rows) {
  const points = rows.filter((row) => row.value !== null);
  const print = points.map((row) => `${row.start}:${row.value}`).join();
  if (into.print === print) return;
  into.print = print;
  if (points.length < 2) return into.replaceChildren();
  const values = points.map((row) => row.value);
  const [least, most] = [Math.min(0, ...values), Math.max(...values)];
  const [first, last] = [points[0].start, points.at(-1).start];
  const x = (row) => ((row.start - first) / (last - first || 1)) * 97 + 1;
  const y = (row) => 37 - ((row.value - least) / (most - least || 1)) * 33;
  const path = points.map((row) => `${x(row).toFixed(1)},${y(row).toFixed(1)}`).join('L');
  const end = `M${x(points.at(-1)).toFixed(1)},${y(points.at(-1)).toFixed(1)}h0`;
  into.replaceChildren(
    drawing('path', { class: 'area', d: `M1,40L${path}L98,40Z` }),
    drawing('path', { class: 'line', d: `M${path}` }),
    drawing('path', { class: 'dot', d: end }),
  );
}

// How old each number is; told once a second.
export function freshness(into, now) {
  for (const tile of into.children) {
    const row = tile.parts.row;
    set(tile.parts.fresh, row ? `changed ${span(now - row.updated_at)} ago` : 'nothing yet in this window');
  }
}

export function funnel(into, store, view) {
  const stages = FUNNEL.map(([kpi, name]) => [name, store.running(kpi, view.window).at(-1)?.value ?? null]);
  const most = Math.max(...stages.map(([, value]) => value ?? 0));
  into.hidden = most === 0;
  into.replaceChildren(...stages.map(([name, value], at) => {
    const before = at > 0 ? stages[at - 1][1] : null;
    const share = value !== null && before ? number(value / before, 'ratio') : '';
    const bar = drawing('svg', { class: 'bar', 'aria-hidden': 'true' },
      drawing('rect', { width: `${(100 * (value ?? 0)) / (most || 1)}%`, height: '100%', rx: 3 }));
    return element('li', {}, element('span', { textContent: name }), bar,
      element('span', { className: 'count', textContent: count(value) }),
      element('span', { className: 'share', textContent: share }));
  }));
  return most > 0;
}

// Channels down, models across. The darker, the more of what the same model gives.
export function models(into, store, view, order) {
  const rows = store.running(view.metric, view.window, 'channel', 'model').filter((row) => row.value !== null);
  const place = (name) => (order.indexOf(name) + 1 || order.length + 1);
  const across = [...new Set(rows.map((row) => row.dims.model))].sort((a, b) => place(a) - place(b));
  const down = new Map();
  for (const row of rows) {
    if (!down.has(row.dims.channel)) down.set(row.dims.channel, new Map());
    down.get(row.dims.channel).set(row.dims.model, row);
  }
  const mean = (cells) => [...cells.values()].reduce((sum, row) => sum + row.value, 0) / cells.size;
  const sorted = [...down].sort(([, a], [, b]) => mean(b) - mean(a));
  const most = Math.max(...rows.map((row) => row.value));
  const head = ['Channel', ...across.map(words), 'Spread'];
  into.tHead.replaceChildren(element('tr', {}, ...head.map((text) => element('th', { scope: 'col', textContent: text }))));
  into.tBodies[0].replaceChildren(...sorted.map(([channel, cells]) => line(channel, cells, across, most, view)));
  into.hidden = rows.length === 0;
  return rows.length > 0;
}

// What the table is about, in words.
export function caption(store, view) {
  const total = store.running(view.metric, view.window).at(-1);
  const about = `${view.metricName}, ${windowName(view.window).toLowerCase()}`;
  return total ? `${about}: ${shown(total, view)} in all, whatever the model` : about;
}

function shown(row, view) {
  return number(row.value, view.metric === 'return_on_ad_spend' ? 'times' : row.unit, row.currency);
}

function line(channel, cells, across, most, view) {
  const values = [...cells.values()].map((row) => row.value);
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const spread = mean && values.length > 1 ? (Math.max(...values) - Math.min(...values)) / Math.abs(mean) : null;
  const cell = (model) => {
    const row = cells.get(model);
    if (!row) return element('td', { className: 'none', textContent: '–' });
    const heat = most > 0 && row.value > 0 ? Math.ceil((5 * row.value) / most) : 0;
    return element('td', { className: `heat-${heat}`, textContent: shown(row, view) });
  };
  const apart = spread === null ? '–' : number(spread, 'ratio').replace(/[.,]\d+/, '');
  return element('tr', {}, element('th', { scope: 'row', textContent: channel.replaceAll('_', ' ') }),
    ...across.map(cell),
    element('td', { className: `spread${spread > 0.5 ? ' wide' : ''}`, textContent: apart }));
}

export function intake(into, status, rate, zone) {
  const of = status.intake;
  const share = (part) => (of.consumed > 0 && part > 0 ? number(part / of.consumed, 'ratio') : '');
  const delay = status.watermark === null ? '' : `${span(status.now - status.watermark)} behind`;
  const entries = [
    ['In', count(of.accepted), rate === null ? '' : `${count(Math.round(rate))}/s`],
    ['Late', count(of.late), share(of.late)],
    ['Duplicate', count(of.duplicated), share(of.duplicated)],
    ['Rejected', count(of.rejected), share(of.rejected)],
    ['Lag', of.lag === null ? '–' : count(of.lag), of.lag === null ? '' : of.lag === 1 ? 'record' : 'records'],
    ['Event time', moment(status.watermark, zone), delay],
  ];
  entries.forEach(([name, value, note], at) => {
    const box = into.children[at] ?? into.appendChild(element('div', {},
      element('dt', { textContent: name }), element('dd', {}, element('span'), element('small'))));
    set(box.querySelector('span'), value);
    set(box.querySelector('small'), note);
  });
}
