// How the instance itself is doing: alerts, what came in and what became of it, why records were rejected.

import { count, label, moment, number, quote, windowName, words } from './format.js';
import { nameOf, question, unitOf } from './kpis.js';
import { Card, Empty, Sparkline, Table, Trouble, useAnswer } from './parts.js';
import { html } from './vendor/vendor.js';

const FACTS = ['late_events', 'dead_letters', 'duplicate_events'];

// The shortest window that these have, to be seen over time.
function window({ catalogue }) {
  return ['1h', '1d'].find((one) => catalogue.has('late_events', one)) ?? catalogue.windows[0];
}

export function questions(app) {
  const known = FACTS.filter((kpi) => app.catalogue.has(kpi, window(app)));
  return known.length > 0 ? [question(known, window(app), {})] : [];
}

export function Operations({ app }) {
  return html`
    <${Alerts} app=${app} />
    <div class="columns">
      <${Rejections} app=${app} />
      <${OverTime} app=${app} />
      <${Elsewhere} app=${app} />
    </div>`;
}

function Alerts({ app }) {
  const { body, why, error } = useAnswer('/api/v1/alerts', app);
  const alerts = [...(body ?? [])].sort((a, b) => (a.resolved ?? Infinity) < (b.resolved ?? Infinity) ? 1 : -1);
  const firing = alerts.filter((alert) => alert.resolved === null).length;
  return html`<${Card} id="alerts" title="Alerts" wide
    note=${body && `${firing} firing, ${alerts.length - firing} resolved lately. Times are event times.`}>
    <${Trouble} error=${error} />
    ${body && alerts.length === 0 && html`<p class="empty">None: ${why || 'no alert has fired lately'}.</p>`}
    ${alerts.length > 0 && html`<${Table} label="Alerts" className="alerts">
      <thead><tr><th scope="col">Alert</th><th scope="col" class="text">State</th><th scope="col" class="text">Of</th>
        <th scope="col" class="text">Condition</th>
        <th scope="col">Value</th><th scope="col">Since</th><th scope="col">Resolved</th></tr></thead>
      <tbody>${alerts.map((alert) => html`<${Alert} key=${alert.rule + JSON.stringify(alert.dims)}
        app=${app} alert=${alert} />`)}</tbody><//>`}
  <//>`;
}

function Alert({ app, alert }) {
  const of = Object.values(alert.dims).map(label).join(', ');
  const value = number(alert.value, unitOf(alert.kpi, app.catalogue.kpis.get(alert.kpi)), alert.currency);
  const { zone } = app.catalogue;
  return html`<tr><th scope="row">${words(alert.rule)}</th>
    <td class=${`text ${alert.resolved === null ? 'bad' : 'soft'}`}>${alert.resolved === null ? '▲ firing'
      : 'resolved'}</td>
    <td class="text">${of || 'all'}, ${quote(alert.window)}</td><td class="text"><code>${alert.condition}</code></td>
    <td>${value}</td><td>${moment(alert.since, zone)}</td><td>${moment(alert.resolved, zone)}</td></tr>`;
}

function Rejections({ app }) {
  const { status } = app.live;
  const rejections = [...(status?.rejections ?? [])].sort((a, b) => b.count - a.count);
  return html`<${Card} id="rejections" title="Rejected records"
    note="Since this instance began. They are in the dead letters as they came.">
    ${rejections.length === 0 ? html`<p class="empty">None since this instance began.</p>`
      : html`<${ByReason} rejections=${rejections} />`}
    <p class="note"><code>tributary dead-letters</code> lists them, and sends them back after a fix.</p>
  <//>`;
}

export function ByReason({ rejections }) {
  return html`<${Table} label="Rejected records by reason">
    <thead><tr><th scope="col">Reason</th><th scope="col" class="text">Topic</th><th
      scope="col">Records</th></tr></thead>
    <tbody>${rejections.map(({ topic, reason, count: times }) => html`<tr key=${`${topic} ${reason}`}>
      <th scope="row">${words(reason)}</th><td class="text">${topic}</td><td>${count(times)}</td></tr>`)}</tbody><//>`;
}

function OverTime({ app }) {
  const { live, catalogue } = app;
  const of = window(app);
  const known = FACTS.filter((kpi) => catalogue.has(kpi, of));
  return html`<${Card} id="over-time" title="Late, rejected, duplicate"
    note=${`Of all instances; ${windowName(of).toLowerCase()}, by when the records came.`}>
    ${known.length === 0 ? html`<${Empty} app=${app} kpi="late_events" window=${of} />`
      : html`<dl class="facts">${known.map((kpi) => {
        const rows = live.store.series(kpi, of);
        return html`<div key=${kpi}><dt>${nameOf(kpi)}</dt>
          <dd>${number(live.store.now(kpi, of)?.value ?? 0, 'count')}</dd>
          <dd class="lined"><${Sparkline} rows=${rows} /></dd></div>`;
      })}</dl>`}
  <//>`;
}

function Elsewhere({ app }) {
  const { live, catalogue } = app;
  const { status } = live;
  return html`<${Card} id="instance" title="This instance">
    <dl class="facts list">
      <div><dt>Version</dt><dd>${status?.version ?? '–'}</dd></div>
      <div><dt>Ready</dt><dd>${status ? (status.ready ? 'yes' : `no: ${status.not_ready}`) : '–'}</dd></div>
      <div><dt>Trouble</dt><dd>${status?.trouble ?? 'none'}</dd></div>
      <div><dt>Event time</dt><dd>${moment(status?.watermark, catalogue.zone)} (${catalogue.zone})</dd></div>
      <div><dt>Clock</dt><dd>${moment(status?.now, catalogue.zone)}</dd></div>
      <div><dt>Windows</dt><dd>${catalogue.windows.join(' ')}</dd></div>
      <div><dt>KPIs</dt><dd><a href="/api/v1/catalogue">${catalogue.kpis.size} in the catalogue</a></dd></div>
    </dl>
  <//>`;
}

