// Channels by models, side by side: the same facts, credited by each model; how far the models are apart, by channel
// and two by two. Each number leads to the conversions behind it.

import { amid, label, list, number, points, quote, words } from './format.js';
import { isAdditive, METRICS, nameOf, nearest, question, scoped, stageName, stageOf, unitOf } from './kpis.js';
import { Bar, Behind, Card, Choice, Elsewhere, Empty, Instead, Table, Trouble, useAnswer, useFew } from './parts.js';
import { html } from './vendor/vendor.js';

const WIDE_SHARE = 0.1;
const WIDE_SPREAD = 0.5;

// Under a channel its campaigns are shown, where the window has them.
function shape({ catalogue, chosen }) {
  const campaigns = catalogue.has(chosen.metric, chosen.window, 'campaign', 'channel', 'model');
  const wanted = chosen.channel !== '';
  return {
    fixed: wanted ? { channel: chosen.channel, ...(campaigns && chosen.campaign && { campaign: chosen.campaign }) }
      : {},
    free: wanted && campaigns && !chosen.campaign ? ['campaign', 'model'] : wanted ? ['model'] : ['channel', 'model'],
    of: wanted && campaigns ? 'campaign' : 'channel',
    lacks: wanted && !campaigns,
  };
}

// Where the data-driven models say of the metric by channel; null: they do not.
function driven({ catalogue, chosen }) {
  const kpi = { pipeline: 'attributed_value', revenue: 'attributed_value' }[chosen.metric] ?? 'attributed_conversions';
  const stage = stageOf(chosen.metric);
  const has = stage && isAdditive(chosen.metric) && catalogue.has(kpi, chosen.window, 'stage', 'model', 'channel');
  return has ? { kpi, stage } : null;
}

export function questions(app) {
  const { catalogue, chosen } = app;
  const { fixed, free, of } = shape(app);
  const data = of === 'channel' ? driven(app) : null;
  if (!catalogue.kpis.has(chosen.metric)) return [];
  return [
    question([chosen.metric], chosen.window, fixed, free, { start: 'running' }),
    ...(data ? [question([data.kpi], chosen.window, { ...fixed, stage: data.stage }, free, { start: 'running' })] : []),
    ...scoped(catalogue, [chosen.metric], { ...chosen, campaign: '', channel: '' }, [chosen.window],
      { start: 'running' }),
  ];
}

export function Attribution({ app }) {
  const { catalogue, chosen } = app;
  const stage = stageOf(chosen.metric) ?? 'won';
  // The windows that have whole models have assists as well; others have the data-driven models alone.
  const compared = nearest(catalogue, 'assisted_conversions', chosen.window, 'stage', 'channel');
  const comparison = useAnswer(compared
    && `/api/v1/attribution?${new URLSearchParams({ stage, window: compared })}`, app);
  const known = METRICS.filter((kpi) => catalogue.kpis.has(kpi));
  return html`
    <${Card} id="models-card" title="Channels by model" wide
      tools=${html`<${Choice} id="metric" label="Show" value=${chosen.metric} pick=${(metric) => app.go({ metric })}
        options=${known.map((kpi) => [kpi, nameOf(kpi)])} />`}
      note="The same facts, credited by each model. Divergence is how far a row's share moves from one model to
        another. A number leads to the conversions behind it.">
      <${Models} app=${app} />
    <//>
    <div class="columns">
      <${Card} id="distances" title="How far the models are apart"
        note=${`Of the conversions to ${stageName(stage)}, how much credit would have to move
          to another channel to make two models the same.`}>
        <${Instead} app=${app} window=${compared} what="of whole models" />
        <${Trouble} error=${comparison.error} />
        <${Distances} app=${app} comparison=${comparison.body} compared=${compared} />
      <//>
      <${Card} id="assists" title="Also there: assists and touches"
        note=${`Conversions to ${stageName(stage)} with the channel in the journey but not last,
          beside what the window's own touches have brought so far.`}>
        <${Assists} app=${app} comparison=${comparison.body} model=${chosen.model} />
      <//>
    </div>`;
}

// Rows of the table: name, cells by model.
function grid(app, { fixed, free, of }) {
  const { live, chosen, catalogue } = app;
  const data = of === 'channel' ? driven(app) : null;
  const rows = [
    ...live.store.running(chosen.metric, chosen.window, fixed, ...free),
    ...(data ? live.store.running(data.kpi, chosen.window, { ...fixed, stage: data.stage }, ...free) : []),
  ].filter((row) => row.value !== null);
  const place = (name) => (catalogue.models.indexOf(name) + 1 || catalogue.models.length + 1);
  const models = [...new Set(rows.map((row) => row.dims.model))].sort((a, b) => place(a) - place(b));
  const down = new Map();
  for (const row of rows) {
    const name = row.dims[of] ?? row.dims.channel;
    if (!down.has(name)) down.set(name, new Map());
    down.get(name).set(row.dims.model, row);
  }
  const mean = (cells) => [...cells.values()].reduce((sum, row) => sum + row.value, 0) / cells.size;
  return { rows, models, down: [...down].sort(([, a], [, b]) => mean(b) - mean(a)) };
}

function Models({ app }) {
  const { live, chosen, catalogue } = app;
  const at = shape(app);
  const { rows, models, down } = grid(app, at);
  const kpi = chosen.metric;
  if (!catalogue.has(kpi, chosen.window, 'channel', 'model')) {
    return html`<${Empty} app=${app} kpi=${kpi} dims=${['channel', 'model']} what="By model" />`;
  }
  const total = live.store.now(kpi, chosen.window);
  const additive = isAdditive(kpi);
  const sums = new Map(models.map((model) => [model, rows.filter((row) => row.dims.model === model)
    .reduce((sum, row) => sum + row.value, 0)]));
  const most = Math.max(...rows.map((row) => row.value), 0);
  const top = Math.max(...rows.map((row) => row.value / (sums.get(row.dims.model) || 1)), 0);
  const about = nameOf(kpi);
  const all = total
    ? `${about}: ${number(total.value, unitOf(kpi, total), total.currency)} in all, whatever the model` : about;
  return html`
    ${at.lacks && html`<${Elsewhere} app=${app} window=${chosen.window} what="By campaign"
      windows=${catalogue.windowsOf(kpi, 'campaign', 'channel', 'model')} />`}
    ${down.length === 0 ? html`<div id="models-empty"><${Empty} app=${app} kpi=${kpi}
      dims=${['channel', 'model']} /></div>`
      : html`<${Table} label="Channels by model" caption=${all} className="models">
      <thead><tr><th scope="col">${at.of === 'campaign' ? `Campaign of ${label(chosen.channel)}` : 'Channel'}</th>
        ${models.map((model) => html`<th scope="col" key=${model}>${words(model)}</th>`)}
        <th scope="col">${additive ? 'Divergence' : 'Spread'}</th></tr></thead>
      <tbody>${down.map(([name, cells]) => html`<${Line} key=${name} app=${app} of=${at.of} name=${name} cells=${cells}
        models=${models} sums=${sums} most=${most} top=${top} fixed=${at.fixed} />`)}</tbody>
      ${additive && down.length > 1 && html`<tfoot><tr><th scope="row">All</th>${models.map((model) => html`<td
        key=${model}>
        ${number(sums.get(model), unitOf(kpi, rows[0]), rows[0].currency)}</td>`)}<td></td></tr></tfoot>`}
    <//>`}`;
}

// The darker, the more of the greatest.
function Line({ app, of, name, cells, models, sums, most, top, fixed }) {
  const kpi = app.chosen.metric;
  const heat = (row) => (most > 0 && row.value > 0 ? Math.ceil((5 * row.value) / most) : 0);
  return html`<tr><th scope="row">${of === 'channel'
    ? html`<button type="button" class="link" onClick=${() => app.go({ channel: name, campaign: '' })}
        aria-label=${`Only ${label(name)}`}>${label(name)}</button>` : label(name)}</th>
    ${models.map((model) => {
      const row = cells.get(model);
      if (!row) return html`<td key=${model} class="soft">–</td>`;
      // Data-driven models share all conversions at once, and none of them among its own touches.
      const shown = row.kpi === kpi ? html`<${Behind} app=${app} kpi=${kpi} row=${row} window=${app.chosen.window}
        fixed=${{ ...fixed, [of]: name, model }} />` : number(row.value, unitOf(kpi, row), row.currency);
      return html`<td key=${model} class=${`heat-${heat(row)}`}>${shown}</td>`;
    })}
    <${Divergence} kpi=${kpi} cells=${cells} models=${models} sums=${sums} top=${top} /></tr>`;
}

function Divergence({ kpi, cells, models, sums, top }) {
  if (models.length < 2) return html`<td class="soft">–</td>`;
  if (!isAdditive(kpi)) {
    const values = [...cells.values()].map((row) => row.value);
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const spread = mean ? (Math.max(...values) - Math.min(...values)) / Math.abs(mean) : 0;
    return html`<td class=${`divergence${spread > WIDE_SPREAD ? ' strong' : ''}`}>${number(spread, 'ratio')}</td>`;
  }
  const shares = models.map((model) => [model, sums.get(model) ? (cells.get(model)?.value ?? 0) / sums.get(model) : 0]);
  const least = shares.reduce((a, b) => (b[1] < a[1] ? b : a));
  const most = shares.reduce((a, b) => (b[1] > a[1] ? b : a));
  const apart = most[1] - least[1];
  const share = ([model, of]) => `${number(of, 'ratio')} by ${amid(model)}`;
  const said = `of all, ${share(least)}, ${share(most)}`;
  return html`<td class=${`divergence${apart > WIDE_SHARE ? ' strong' : ''}`} title=${said}>
    <${Bar} share=${0} range=${[least[1] / (top || 1), most[1] / (top || 1)]}
      className="small" />${points(apart)}<span class="quiet">: ${said}</span></td>`;
}

function Distances({ app, comparison, compared }) {
  if (!compared) return html`<${Empty} app=${app} kpi="attributed_share_ratio"
    dims=${['stage', 'model', 'channel']} />`;
  if (!comparison) return null;
  if (comparison.distances.length === 0) return html`<p
    class="empty">No conversions yet in ${quote(compared)} to compare the models by.</p>`;
  const [{ models: [a, b], distance }] = comparison.distances;
  return html`<p class="lead">${words(a)} and ${amid(b)} are the farthest apart:
    ${' '}<strong>${number(distance, 'ratio')}</strong> of the credit would have to move.</p>
    <${Matrix} comparison=${comparison} order=${app.catalogue.models} />`;
}

function Matrix({ comparison, order }) {
  const models = [...comparison.models].sort((a, b) => (order.indexOf(a) + 1 || 99) - (order.indexOf(b) + 1 || 99));
  const distance = (a, b) => comparison.distances.find(({ models: pair }) => pair.includes(a)
    && pair.includes(b))?.distance ?? 0;
  const most = comparison.distances[0].distance || 1;
  return html`<${Table} label="Distances between models" className="matrix">
    <thead><tr><td></td>${models.slice(0, -1).map((model) => html`<th scope="col"
      key=${model}>${words(model)}</th>`)}</tr></thead>
    <tbody>${models.slice(1).map((a, at) => html`<tr key=${a}><th scope="row">${words(a)}</th>
      ${models.slice(0, -1).map((b, other) => (other > at ? html`<td key=${b}></td>`
        : html`<td key=${b}
          class=${`heat-${Math.ceil((5 * distance(a, b)) / most)}`}>${number(distance(a, b), 'ratio')}</td>`))}</tr>`)}
    </tbody><//>`;
}

function Assists({ app, comparison, model }) {
  const wanted = ({ channel }) => !app.chosen.channel || channel === app.chosen.channel;
  const channels = (comparison?.channels ?? []).filter((of) => wanted(of)
    && (of.assisted !== null || of.touch_dated_conversions[model] !== undefined
      || of.conversions[model] !== undefined));
  const [few, more] = useFew(channels);
  if (!comparison) return null;
  if (channels.length === 0) return html`<p class="empty">Nothing yet in ${quote(comparison.window)}.</p>`;
  const extra = comparison.models.filter((one) => !app.catalogue.models.includes(one)).map(words);
  return html`<${Table} label="Assists by channel">
    <thead><tr><th scope="col">Channel</th><th scope="col">Credit, ${amid(model)}</th>
      <th scope="col">Assisted</th><th scope="col">Brought by its touches</th></tr></thead>
    <tbody>${few.map((of) => html`<tr key=${of.channel}><th scope="row">${label(of.channel)}</th>
      <td>${number(of.conversions[model], 'count')}</td><td>${number(of.assisted, 'count')}</td>
      <td>${number(of.touch_dated_conversions[model], 'count')}</td></tr>`)}</tbody><//>
    ${more}
    ${extra.length > 0 && html`<p class="note">${list(extra)} are in the comparison as well.</p>`}`;
}
