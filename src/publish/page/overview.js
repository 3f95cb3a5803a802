// The state of the business at a glance: a sentence, tiles, one of them as a chart over time, the funnel, which
// channels it comes from and how far the models agree on that, and what is alarming.

import { amid, isRolling, label, list, number, quote, span, spokenChange, windowBefore, windowName, words } from './format.js';
import { Funnel } from './funnel.js';
import { lineWindow, nameOf, question, scoped, STAGES, TILES, unitOf } from './kpis.js';
import { Bar, Card, Change, Empty, Sparkline, useAnswer } from './parts.js';
import { Trend } from './trend.js';
import { html, useEffect, useRef } from './vendor/vendor.js';

import * as goals from './goals.js';

const HEADLINE = ['revenue', 'won_deals', 'leads'];
const MOST_CHANNELS = 16;

export function questions(app) {
  const { catalogue, chosen } = app;
  const { window, trend } = chosen;
  const kpis = [...new Set([...TILES, ...STAGES.map(([, kpi]) => kpi)])];
  const by = channelDims(catalogue, trend, window);
  return [
    ...scoped(catalogue, kpis, chosen, [window, lineWindow(window)]),
    ...(by ? [question([trend], window, {}, by, { start: 'running' })] : []),
    ...goals.questions(app),
  ];
}

// What the rows of a KPI by channel are by.
function channelDims(catalogue, kpi, window) {
  return [['channel', 'model'], ['channel']].find((dims) => catalogue.has(kpi, window, ...dims)) ?? null;
}

export function Overview({ app }) {
  const { chosen } = app;
  return html`
    <${Headline} app=${app} />
    <${Firing} app=${app} />
    <${CampaignGap} app=${app} />
    <ul class="tiles" id="numbers" aria-label="Numbers; choose one to see it over time">
      ${TILES.map((kpi) => html`<${Tile} key=${kpi} app=${app} kpi=${kpi} />`)}
    </ul>
    <div class="glance">
      <${Course} app=${app} />
      <${Sources} app=${app} />
      <${Card} id="funnel" title="Funnel" note="Entries of each stage, and their share of the stage before."
        tools=${html`<a class="more" href=${app.address({ view: 'funnel' })}>Leakage and dwell</a>`}>
        <${Funnel} app=${app} window=${chosen.window} />
      <//>
      <${Card} id="targets" title="Goals and budgets"
        tools=${html`<a class="more" href=${app.address({ view: 'goals' })}>All of them</a>`}>
        <${goals.Pace} app=${app} />
      <//>
    </div>`;
}

function latest(app, kpi) {
  const fixed = app.catalogue.scope(kpi, app.chosen);
  return fixed ? app.live.store.now(kpi, app.chosen.window, fixed) : undefined;
}

function Headline({ app }) {
  const { window } = app.chosen;
  const said = HEADLINE.map((kpi) => [kpi, latest(app, kpi)]).filter(([, row]) => row && row.value !== null);
  if (said.length === 0) return null;
  const parts = said.map(([kpi, row]) => {
    const value = number(row.value, unitOf(kpi, row), row.currency);
    const compared = isRolling(window) && row.change !== null ? ` (${spokenChange(row.change)})` : '';
    return kpi === 'revenue' ? `${value} of revenue${compared}` : `${value} ${amid(kpi)}${compared}`;
  });
  const from = isRolling(window) ? `, compared with ${windowBefore(window)}` : '';
  return html`<p class="headline"><strong>${windowName(window)}:</strong> ${list(parts)}${from}.</p>`;
}

function Firing({ app }) {
  const { body } = useAnswer('/api/v1/alerts?state=firing', app);
  if (!body || body.length === 0) return null;
  const names = [...new Set(body.map((alert) => words(alert.rule)))];
  const more = names.length > 3 ? [...names.slice(0, 3), `${names.length - 3} more`] : names;
  return html`<p class="banner alarm" id="firing"><span aria-hidden="true">▲</span>
    <strong>${body.length === 1 ? '1 alert is' : `${body.length} alerts are`} firing:</strong> ${list(more)}.
    ${' '}<a href=${app.address({ view: 'operations' })}>Look at them</a></p>`;
}

// A campaign is chosen, and the window has nothing by campaign.
export function CampaignGap({ app }) {
  const { catalogue, chosen } = app;
  if (!chosen.campaign || catalogue.scope('leads', chosen)) return null;
  const windows = catalogue.windowsOf('leads', 'campaign', 'channel', 'model');
  return html`<div class="banner" id="campaign-gap">
    <${Empty} app=${app} kpi="leads" dims=${['campaign', 'channel', 'model']} what="By campaign" windows=${windows} />
  </div>`;
}

function Tile({ app, kpi }) {
  const { live, catalogue, chosen } = app;
  const fixed = catalogue.scope(kpi, chosen);
  const row = latest(app, kpi);
  const past = lineWindow(chosen.window);
  const lined = catalogue.scope(kpi, chosen, past);
  const rows = lined ? live.store.series(kpi, past, lined) : [];
  const place = useRef(null);
  useEffect(() => flash(place.current, app), [row?.value]);
  return html`<li id=${`tile-${kpi}`} class=${`tile${chosen.trend === kpi ? ' chosen' : ''}`} ref=${place}>
    <h3><button type="button" aria-pressed=${chosen.trend === kpi ? 'true' : 'false'}
      onClick=${() => app.go({ trend: kpi })}>${nameOf(kpi)}</button></h3>
    <span class="value">${number(row?.value, unitOf(kpi, row), row?.currency)}</span>
    <${Change} kpi=${kpi} row=${row} window=${chosen.window} />
    <${Sparkline} rows=${rows} />
    <span class="fresh">${fresh(app, kpi, fixed, row)}</span>
  </li>`;
}

// Frames a tile whose number has changed; not one that is of another window or filter than before.
function flash(tile, { live, chosen }) {
  const of = [chosen.window, chosen.channel, chosen.campaign, chosen.model].join();
  if (!live.answered || tile.dataset.of !== of) {
    tile.dataset.of = live.answered ? of : '';
    return;
  }
  tile.classList.remove('changed');
  void tile.offsetWidth;
  tile.classList.add('changed');
}

// How old a number is, or why there is none.
function fresh({ live, catalogue, chosen }, kpi, fixed, row) {
  if (!catalogue.kpis.has(kpi)) return 'not computed: see output.kpis';
  if (!fixed) {
    const filter = chosen.campaign ? 'campaign' : 'channel';
    return catalogue.scope(kpi, { ...chosen, channel: '', campaign: '' })
      ? `not by ${filter} in this window` : 'not in this window';
  }
  if (!row) return 'nothing yet in this window';
  if (row.value === null) return 'no value: nothing to divide by';
  return `changed ${span((live.paused ?? Date.now()) + live.skew - row.updated_at)} ago`;
}

function Course({ app }) {
  const { live, catalogue, chosen } = app;
  const kpi = chosen.trend;
  const window = lineWindow(chosen.window);
  const fixed = catalogue.scope(kpi, chosen, window);
  const rows = fixed ? live.store.series(kpi, window, fixed) : [];
  const unit = unitOf(kpi, rows.at(-1));
  const each = isRolling(window) ? `Each point is ${quote(window)}, up to that day.`
    : 'Each point is a window of its own.';
  const shown = isRolling(window) ? rows.map((row) => ({ ...row, start: row.end - 1 })) : rows;
  const enough = shown.filter((row) => row.value !== null).length > 1;
  return html`<${Card} id="course" title=${`${nameOf(kpi)} over time`} note=${each}>
    ${enough ? html`<${Trend} key=${window} rows=${shown} unit=${unit} name=${nameOf(kpi)} zone=${catalogue.zone}
      theme=${app.theme} />`
      : html`<${Empty} app=${app} kpi=${kpi} dims=${Object.keys(fixed ?? {})} window=${window} what="No line" />`}
  <//>`;
}

// By channel, as the chosen model has it; the line over each bar goes from the least to the most of all models.
function Sources({ app }) {
  const { live, catalogue, chosen } = app;
  const { trend: kpi, window } = chosen;
  const by = channelDims(catalogue, kpi, window);
  const models = by?.includes('model');
  const rows = by ? live.store.running(kpi, window, {}, ...by).filter((row) => row.value !== null) : [];
  const channels = new Map();
  for (const row of rows) {
    if (!channels.has(row.dims.channel)) channels.set(row.dims.channel, []);
    channels.get(row.dims.channel).push(row);
  }
  const own = (of) => of.find((row) => !models || row.dims.model === chosen.model);
  const sorted = [...channels].filter(([channel]) => !chosen.channel || channel === chosen.channel)
    .sort(([, a], [, b]) => (own(b)?.value ?? 0) - (own(a)?.value ?? 0));
  const most = Math.max(...rows.map((row) => row.value), 0);
  const [shown, rest] = [sorted.slice(0, MOST_CHANNELS), sorted.length - MOST_CHANNELS];
  const note = models ? `As ${amid(chosen.model)} has it; the line below a bar spans all models.`
    : 'By the source of the lead.';
  return html`<${Card} id="sources" title=${`${nameOf(kpi)} by channel`} note=${note}
    tools=${html`<a class="more" href=${app.address({ view: 'attribution', metric: kpi })}>Models side by side</a>`}>
    ${shown.length === 0 ? html`<${Empty} app=${app} kpi=${kpi} dims=${by ?? ['channel']} what="No channel" />`
      : html`<ul class="bars">${shown.map(([channel, of]) => html`<${Source} key=${channel} app=${app} kpi=${kpi}
          channel=${channel} row=${own(of)} of=${of} most=${most} models=${models} />`)}</ul>
        ${rest > 0 && html`<p class="note">and ${rest} more</p>`}`}
  <//>`;
}

function Source({ app, kpi, channel, row, of, most, models }) {
  const values = of.map((one) => one.value);
  const [least, greatest] = [Math.min(...values), Math.max(...values)];
  const said = (value) => number(value, unitOf(kpi, of[0]), of[0].currency);
  return html`<li>
    <button type="button" class="link" onClick=${() => app.go({ channel, campaign: '' })}
      aria-label=${`Only ${label(channel)}`}>${label(channel)}</button>
    <${Bar} share=${(row?.value ?? 0) / (most || 1)} range=${models && [least / (most || 1), greatest / (most || 1)]} />
    <span class="count">${said(row?.value)}${models && html`<span class="quiet">, from ${said(least)} to
      ${said(greatest)} by model</span>`}</span>
  </li>`;
}

