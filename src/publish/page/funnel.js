// The funnel: entries of each stage, what goes on to the next one and what leaks, how long it takes.

import { NONE, number } from './format.js';
import { lineWindow, nameOf, nearest, question, scoped, stageName, STAGES } from './kpis.js';
import { Bar, Behind, Card, Change, Empty, Instead, Sparkline, Table } from './parts.js';
import { html } from './vendor/vendor.js';

const SPEED = ['win_ratio', 'sla_met_ratio'];
const TIMES = ['sales_cycle_seconds', 'lead_conversion_seconds', 'follow_up_seconds'];
const STATS = [['p50', 'half within'], ['p90', '9 of 10 within']];

// The windows that the parts of the view are shown for, where the chosen one has no such rows.
function windows({ catalogue, chosen }) {
  const filter = [...(chosen.campaign ? ['campaign'] : []), ...(chosen.channel ? ['channel'] : [])];
  const leaks = [[...filter, 'stage'], ['stage']]
    .find((dims) => catalogue.windowsOf('leakage_ratio', ...dims).length > 0);
  return {
    leakDims: leaks ?? ['stage'],
    leak: nearest(catalogue, 'leakage_ratio', chosen.window, ...(leaks ?? ['stage'])),
    moved: nearest(catalogue, 'stage_conversion_ratio', chosen.window, 'stage'),
    dwell: nearest(catalogue, 'stage_dwell_seconds', chosen.window, 'stage', 'stat'),
    times: nearest(catalogue, 'sales_cycle_seconds', chosen.window, 'stat'),
  };
}

function leakFilter({ chosen }, dims) {
  return Object.fromEntries(dims.filter((dim) => dim !== 'stage').map((dim) => [dim, chosen[dim]]));
}

export function questions(app) {
  const { catalogue, chosen } = app;
  const { leak, leakDims, moved, dwell, times } = windows(app);
  const running = { start: 'running' };
  const known = (kpis) => kpis.filter((kpi) => catalogue.kpis.has(kpi));
  const shown = (window, kpis, ...rest) => (window && known(kpis).length > 0
    ? [question(known(kpis), window, ...rest, running)] : []);
  return [
    ...scoped(catalogue, STAGES.map(([, kpi]) => kpi), chosen, [chosen.window, lineWindow(chosen.window)]),
    ...scoped(catalogue, SPEED, chosen, [chosen.window], running),
    ...shown(leak, ['leaked_leads', 'leakage_ratio'], leakFilter(app, leakDims), ['stage']),
    ...shown(moved, ['stage_conversion_ratio'], {}, ['stage']),
    ...shown(dwell, ['stage_dwell_seconds'], {}, ['stage', 'stat']),
    ...shown(times, TIMES, {}, ['stat']),
  ];
}

// Entries of the stages as rows of the window, under the filter.
function entries({ live, catalogue, chosen }, window) {
  return STAGES.map(([stage, kpi]) => {
    const fixed = catalogue.scope(kpi, { ...chosen, window });
    return { stage, kpi, fixed, row: fixed ? live.store.now(kpi, window, fixed) : undefined };
  });
}

export function Funnel({ app, window }) {
  const stages = entries(app, window);
  const most = Math.max(...stages.map(({ row }) => row?.value ?? 0));
  if (most === 0) return html`<${Empty} app=${app} kpi="leads"
    dims=${Object.keys(stages[0].fixed ?? { channel: 1, campaign: 1, model: 1 })} />`;
  return html`<ol class="bars funnel">${stages.map(({ stage, kpi, fixed, row }, at) => {
    const before = at > 0 ? stages[at - 1].row?.value : null;
    return html`<li key=${stage}>
      <span>${nameOf(kpi)}</span>
      <${Bar} share=${(row?.value ?? 0) / most} />
      <span class="count"><${Behind} app=${app} kpi=${kpi} row=${row} fixed=${fixed} window=${window} /></span>
      <span class="share">${row && before ? html`${number(row.value / before, 'ratio')}<span
        class="quiet"> of the stage before</span>` : ''}</span>
    </li>`;
  })}</ol>`;
}

export function FunnelView({ app }) {
  const { chosen } = app;
  const at = windows(app);
  const filtered = chosen.channel !== '' || chosen.campaign !== '';
  return html`
    <div class="columns">
    <${Card} id="funnel" title="From stage to stage" note="Entries of each stage, and their share of the stage before.">
      <${Funnel} app=${app} window=${chosen.window} />
    <//>
    <${Speed} app=${app} window=${at.times} filtered=${filtered} />
    </div>
    <${Stages} app=${app} at=${at} filtered=${filtered} />`;
}

// All that is known of each stage, side by side.
function Stages({ app, at, filtered }) {
  const { live, chosen, catalogue } = app;
  const { store } = live;
  const stages = entries(app, chosen.window);
  const line = lineWindow(chosen.window);
  const leak = (kpi, stage) => at.leak && store.now(kpi, at.leak, { ...leakFilter(app, at.leakDims), stage });
  const moved = (stage) => at.moved && store.now('stage_conversion_ratio', at.moved, { stage });
  const dwell = (stage, stat) => at.dwell && store.now('stage_dwell_seconds', at.dwell, { stage, stat });
  const others = [...new Set([at.leak, at.moved, at.dwell])].filter((window) => window && window !== chosen.window);
  return html`<${Card} id="stages" title="Stages: entries, leakage, dwell" wide
    note="Of the entries of a stage: how many have gone on to the next one so far, and how many leaked, silent for
      too long. Dwell: from the entry to the next stage, of those that moved on.">
    ${others.length > 0 && html`<${Instead} app=${app} window=${others[0]} what="of conversion, leakage and dwell" />`}
    ${filtered && html`<p class="note">Leakage is of ${at.leakDims.length > 1 ? 'the chosen filter' : 'all channels'};
      conversion and dwell are of all channels.</p>`}
    <${Table} label="Stages of the funnel" className="stages">
      <thead><tr><th scope="col">Stage</th><th scope="col">Entries</th><th scope="col">Change</th>
        <th scope="col" class="lined">Over time</th><th scope="col">Went on</th><th scope="col">95 % interval</th>
        <th scope="col">Leaked</th><th scope="col">Leakage</th><th scope="col">Dwell, median</th>
        <th scope="col">Dwell, 90th percentile</th></tr></thead>
      <tbody>${stages.map(({ stage, kpi, fixed, row }) => {
        const lined = catalogue.scope(kpi, chosen, line);
        const ratio = moved(stage);
        const leaked = leak('leakage_ratio', stage);
        return html`<tr key=${stage}><th scope="row">${stageName(stage)}</th>
          <td><${Behind} app=${app} kpi=${kpi} row=${row} fixed=${fixed} window=${chosen.window} /></td>
          <td><${Change} kpi=${kpi} row=${row} window=${chosen.window} /></td>
          <td class="lined"><${Sparkline} rows=${lined ? store.series(kpi, line, lined) : []} /></td>
          <td>${number(ratio?.value, 'ratio')}</td>
          <td class="soft">${ratio && ratio.low !== null
            ? `${number(ratio.low, 'ratio')} – ${number(ratio.high, 'ratio')}` : NONE}</td>
          <td>${number(leak('leaked_leads', stage)?.value, 'count')}</td>
          <td class=${leaked?.value > 0.5 ? 'strong' : ''}>${number(leaked?.value, 'ratio')}</td>
          <td>${number(dwell(stage, 'p50')?.value, 'seconds')}</td>
          <td>${number(dwell(stage, 'p90')?.value, 'seconds')}</td></tr>`;
      })}</tbody>
    <//>
  <//>`;
}

function Speed({ app, window, filtered }) {
  const { live, catalogue, chosen } = app;
  const stat = (kpi, name) => window && live.store.now(kpi, window, { stat: name });
  const ratios = SPEED.map((kpi) => {
    const fixed = catalogue.scope(kpi, chosen);
    return [kpi, fixed && live.store.now(kpi, chosen.window, fixed)];
  });
  return html`<${Card} id="speed" title="How fast, how sure">
    <dl class="facts">${ratios.map(([kpi, row]) => html`<div key=${kpi}><dt>${nameOf(kpi)}</dt>
      <dd>${number(row?.value, 'ratio')} <${Change} kpi=${kpi} row=${row} window=${chosen.window} /></dd></div>`)}
    ${TIMES.map((kpi) => html`<div key=${kpi}><dt>${nameOf(kpi)}</dt>
      ${STATS.map(([name, said]) => html`<dd key=${name}>
        <small>${said}</small> ${number(stat(kpi, name)?.value, 'seconds')}</dd>`)}
    </div>`)}</dl>
    <${Instead} app=${app} window=${window} what="of durations" />
    ${filtered && html`<p class="note">Durations are of all channels.</p>`}
  <//>`;
}

