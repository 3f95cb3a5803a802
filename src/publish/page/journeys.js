// How journeys go: the most frequent paths of channels to a stage, as a Sankey diagram and as a table.

import { label, number } from './format.js';
import { nearest, question, stageName, STAGES } from './kpis.js';
import { Bar, Card, Choice, Empty, Instead, Table } from './parts.js';
import { Flow } from './sankey.js';
import { html } from './vendor/vendor.js';

const STATS = [['mean', 'mean'], ['p50', 'median'], ['p90', '90th percentile']];

function windows({ catalogue, chosen }) {
  return {
    paths: nearest(catalogue, 'path_conversions', chosen.window, 'stage', 'path'),
    touches: nearest(catalogue, 'journey_touches', chosen.window, 'stage', 'stat'),
  };
}

export function questions(app) {
  const { paths, touches } = windows(app);
  const { stage } = app.chosen;
  return [
    ...(paths ? [question(['path_conversions'], paths, { stage }, ['path'], { start: 'running' })] : []),
    ...(touches ? [question(['journey_touches'], touches, { stage }, ['stat'], { start: 'running' })] : []),
  ];
}

export function Journeys({ app }) {
  const { live, chosen } = app;
  const at = windows(app);
  const { stage } = chosen;
  const all = at.paths ? live.store.running('path_conversions', at.paths, { stage }, 'path') : [];
  const paths = all.filter((row) => row.value > 0)
    .map((row) => ({ steps: row.dims.path.split(' > '), value: row.value, row }))
    .filter(({ steps }) => !chosen.channel || steps.includes(chosen.channel))
    .sort((a, b) => b.value - a.value || (a.row.dims.path < b.row.dims.path ? -1 : 1));
  const length = (stat) => at.touches && live.store.now('journey_touches', at.touches, { stage, stat });
  const pick = html`<${Choice} id="stage" label="To" value=${stage} pick=${(to) => app.go({ stage: to })}
    options=${STAGES.map(([name]) => [name, stageName(name)])} />`;
  const filtered = chosen.channel ? ` with ${label(chosen.channel)} in them` : '';
  return html`
    <${Card} id="flow" title=${`Journeys to ${stageName(stage)}`} wide tools=${pick}
      note=${`From the first channel, by way of others, to the conversion: the most frequent
        paths${filtered}, repeats of a channel taken as one.`}>
      <${Instead} app=${app} window=${at.paths} what="of paths" />
      ${paths.length === 0 ? html`<${Nothing} app=${app} at=${at} filtered=${filtered} />`
        : html`<${Flow} paths=${paths} end=${stageName(stage)} />`}
    <//>
    <div class="columns paths-and-touches">
      <${Card} id="paths" title="Top paths">
        ${paths.length === 0 ? html`<${Nothing}
          app=${app} at=${at} filtered=${filtered} />` : html`<${Paths} paths=${paths} />`}
      <//>
      <${Card} id="touches" title="Touches per journey" note="Of converting journeys; one without a touch counts as 0.">
        <dl class="facts">${STATS.map(([stat, said]) => html`<div key=${stat}><dt>${said}</dt>
          <dd>${number(length(stat)?.value, 'count')}</dd></div>`)}</dl>
        <${Instead} app=${app} window=${at.touches} what="of lengths" />
        ${chosen.channel && html`<p class="note">These are of all journeys.</p>`}
        ${chosen.campaign && html`<p class="note">Paths are of channels: campaigns are not told apart here.</p>`}
      <//>
    </div>`;
}

function Nothing({ app, at, filtered }) {
  if (filtered) return html`<p class="empty">None of the most frequent paths go through ${label(app.chosen.channel)}.
    ${' '}<button type="button" class="link"
      onClick=${() => app.go({ channel: '', campaign: '' })}>Show all channels</button></p>`;
  return html`<${Empty} app=${app} kpi="path_conversions" dims=${['stage', 'path']}
    window=${at.paths ?? app.chosen.window} what="No journeys" />`;
}

function Paths({ paths }) {
  const most = paths[0].value;
  const all = paths.reduce((sum, path) => sum + path.value, 0);
  return html`<${Table} label="Top paths" className="paths">
    <thead><tr><th scope="col">Path</th><th scope="col">Conversions</th><th scope="col"
      class="lined">Of the greatest</th>
      <th scope="col">Of these</th></tr></thead>
    <tbody>${paths.map(({ steps, value, row }) => html`<tr key=${row.dims.path}>
      <th scope="row">${steps.map((step, at) => html`${at > 0 && html`<span
        class="soft"> › </span>`}${label(step)}`)}</th>
      <td>${number(value, 'count')}</td><td class="lined"><${Bar} share=${value / most} /></td>
      <td>${number(value / all, 'ratio')}</td></tr>`)}</tbody><//>`;
}

