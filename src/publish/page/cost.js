// What each channel costs and what it brings: spend, cost per stage, return. Under a channel, its campaigns.

import { amid, label, number, words } from './format.js';
import { nameOf, question, scoped, unitOf } from './kpis.js';
import { Bar, Behind, Card, Change, Elsewhere, Empty, Table } from './parts.js';
import { html } from './vendor/vendor.js';

const BY_MODEL = ['leads', 'cost_per_lead', 'cost_per_opportunity', 'customer_acquisition_cost', 'revenue',
  'return_on_ad_spend', 'return_on_investment'];
const TOTALS = ['spend', ...BY_MODEL];
// What returns more than tenfold is drawn as that.
const MOST_RETURN = 10;
const COLUMNS = ['cost_per_lead', 'cost_per_opportunity', 'customer_acquisition_cost', 'revenue', 'return_on_ad_spend'];

function shape({ catalogue, chosen }) {
  const campaigns = catalogue.has('spend', chosen.window, 'campaign', 'channel');
  const of = chosen.channel && campaigns ? 'campaign' : 'channel';
  return { of, fixed: of === 'campaign' ? { channel: chosen.channel } : {}, lacks: chosen.channel !== ''
    && !campaigns };
}

export function questions(app) {
  const { catalogue, chosen } = app;
  const { of, fixed } = shape(app);
  const known = (kpis, ...dims) => kpis.filter((kpi) => catalogue.has(kpi, chosen.window, ...dims));
  const asked = (kpis, given, free) => (kpis.length > 0
    ? [question(kpis, chosen.window, given, free, { start: 'running' })] : []);
  const dims = [...Object.keys(fixed), of];
  return [
    ...scoped(catalogue, TOTALS, chosen, [chosen.window], { start: 'running' }),
    ...asked(known(['spend'], ...dims), fixed, [of]),
    ...asked(known(['efficiency_index'], 'channel'), {}, ['channel']),
    ...asked(known(BY_MODEL, ...dims, 'model'), { ...fixed, model: chosen.model }, [of]),
  ];
}

export function Cost({ app }) {
  const { live, catalogue, chosen } = app;
  const { of, fixed, lacks } = shape(app);
  const { store } = live;
  const spend = store.running('spend', chosen.window, fixed, of);
  const credited = BY_MODEL.flatMap((kpi) => store.running(kpi, chosen.window, { ...fixed, model: chosen.model }, of));
  const names = [...new Set([...spend, ...credited].map((row) => row.dims[of]))]
    .filter((name) => wanted(app, of, name));
  const cell = (kpi, name) => {
    const model = kpi === 'spend' || kpi === 'efficiency_index' ? {} : { model: chosen.model };
    return store.now(kpi, chosen.window, { ...fixed, ...model, [of]: name });
  };
  names.sort((a, b) => (cell('spend', b)?.value ?? 0) - (cell('spend', a)?.value ?? 0)
    || (cell('revenue', b)?.value ?? 0) - (cell('revenue', a)?.value ?? 0));
  return html`
    <ul class="tiles totals" aria-label="Totals">${TOTALS.map((kpi) => html`<${Total} key=${kpi} app=${app}
      kpi=${kpi} />`)}</ul>
    <${Card} id="cost-card"
      title=${of === 'campaign' ? `Campaigns of ${label(chosen.channel)}` : 'Cost and return by channel'} wide
      note=${`Spend is each channel's own; what it brought is credited by ${amid(chosen.model)}.
        Costs count the entries of the window, revenue the deals won in it.`}>
      ${lacks && html`<${Elsewhere} app=${app} window=${chosen.window} what="By campaign"
        windows=${catalogue.windowsOf('spend', 'campaign', 'channel')} />`}
      ${names.length === 0 ? html`<${Empty} app=${app} kpi="spend" dims=${['channel']} what="No cost" />`
        : html`<${Costs} app=${app} of=${of} fixed=${fixed} names=${names} cell=${cell} />`}
    <//>`;
}

function wanted({ chosen }, of, name) {
  return of === 'campaign' ? !chosen.campaign || name === chosen.campaign : !chosen.channel || name === chosen.channel;
}

function Total({ app, kpi }) {
  const fixed = app.catalogue.scope(kpi, app.chosen);
  const row = fixed ? app.live.store.now(kpi, app.chosen.window, fixed) : undefined;
  return html`<li class="tile small"><h3>${nameOf(kpi)}</h3>
    <span class="value">${number(row?.value, unitOf(kpi, row), row?.currency)}</span>
    <${Change} kpi=${kpi} row=${row} window=${app.chosen.window} /></li>`;
}

function Costs({ app, of, fixed, names, cell }) {
  const { chosen } = app;
  const most = Math.max(...names.map((name) => cell('spend', name)?.value ?? 0), 0);
  const returns = names.map((name) => cell('return_on_investment', name)?.value).filter((value) => value !== undefined
    && value !== null);
  const farthest = Math.min(Math.max(...returns.map(Math.abs), 1), MOST_RETURN);
  const efficiency = of === 'channel';
  return html`<${Table} label="Cost and return" className="costs">
    <thead><tr><th scope="col">${words(of)}</th><th scope="col">Spend</th>
      ${COLUMNS.map((kpi) => html`<th scope="col" key=${kpi}>${nameOf(kpi)}</th>`)}
      <th scope="col">${nameOf('return_on_investment')}</th><th scope="col" class="lined">Loss or gain</th>
      ${efficiency && html`<th scope="col">Efficiency</th>`}</tr></thead>
    <tbody>${names.map((name) => {
      const spend = cell('spend', name);
      const roi = cell('return_on_investment', name);
      return html`<tr key=${name}><th scope="row">${of === 'channel'
        ? html`<button type="button" class="link" aria-label=${`Only ${label(name)}`}
            onClick=${() => app.go({ channel: name, campaign: '' })}>${label(name)}</button>` : label(name)}</th>
        <td>${number(spend?.value, 'currency', spend?.currency)}<${Bar}
          share=${(spend?.value ?? 0) / (most || 1)} /></td>
        ${COLUMNS.map((kpi) => html`<td key=${kpi}><${Behind} app=${app} kpi=${kpi} row=${cell(kpi, name)}
          window=${chosen.window} fixed=${{ ...fixed, [of]: name, model: chosen.model }} /></td>`)}
        <td class=${roi?.value < 0 ? 'bad' : roi?.value > 0 ? 'good' : ''}>${number(roi?.value, 'ratio')}</td>
        <td class="lined"><${Balance} value=${roi?.value} most=${farthest} /></td>
        ${efficiency && html`<td>${number(cell('efficiency_index', name)?.value, 'times')}</td>`}</tr>`;
    })}</tbody><//>
    ${efficiency && html`<p
      class="note">Efficiency: sessions into leads per cost, against the baseline channel; under 1 a
      channel does worse. A dash: nothing to divide by.</p>`}`;
}

// To the left of the middle a loss, to the right a gain; roots, so that small ones are seen beside great ones.
function Balance({ value, most }) {
  if (value === null || value === undefined) return null;
  const size = 50 * Math.sqrt(Math.min(1, Math.abs(value) / most));
  return html`<span class="balance" aria-hidden="true"><span class=${value < 0 ? 'loss' : 'gain'}
    style=${{ left: `${value < 0 ? 50 - size : 50}%`, width: `${size}%` }}></span></span>`;
}

