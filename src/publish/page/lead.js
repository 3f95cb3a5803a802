// The whole journey of one lead: its touches, fills, stages and deals in the order of time.

import { isSaid, label, moment, number, words } from './format.js';
import { stageName } from './kpis.js';
import { ask } from './live.js';
import { sentence } from './parts.js';
import { html, useEffect, useState } from './vendor/vendor.js';

export function Journey({ app, id }) {
  const path = `/api/v1/leads/${encodeURIComponent(id)}`;
  const [{ body, error, elsewhere }, take] = useState({});
  useEffect(() => {
    let ended = false;
    look(path).then((found) => !ended && take(found), (failed) => !ended && take({ error: failed }));
    return () => { ended = true; };
  }, [path]);
  if (elsewhere) return html`<p class="empty">Another instance has this lead: <a
    href=${path}>read it there</a>, as JSON.</p>`;
  if (error) return html`<p class="empty"
    role="alert">${sentence(error.message)} ${error.hint ? sentence(error.hint) : ''}</p>`;
  if (!body) return html`<p class="empty" role="status">Looking it up …</p>`;
  return html`<${Facts} lead=${body} currency=${app.catalogue.currency} />
    <h3>In the order of time</h3>
    <ol class="timeline">${steps(body, app).map((step, at) => html`<li key=${at} class=${step.kind}>
      <time datetime=${new Date(step.time).toISOString()}>${moment(step.time, app.catalogue.zone)}</time>
      <span><strong>${step.title}</strong>${step.note && html` <span class="soft">${step.note}</span>`}
        ${step.credits?.length > 0 && html`<ul class="credits">${step.credits.map(([model, said]) => html`<li
          key=${model}>
          <span class="soft">${words(model)}:</span> ${said}</li>`)}</ul>`}</span></li>`)}</ol>
    <p class="note"><a
      href=${path}>The same as JSON</a>; on the command line <code>tributary journey ${id}</code>.</p>`;
}

// The page may ask its own instance alone: who has the lead elsewhere is for the browser to follow.
async function look(path) {
  const answer = await fetch(path, { redirect: 'manual' });
  return answer.type === 'opaqueredirect' ? { elsewhere: true } : ask(path);
}

function Facts({ lead, currency }) {
  const deals = lead.deals.filter((deal) => deal.deal_id);
  const value = deals.reduce((sum, deal) => sum + (deal.value ?? 0), 0);
  const facts = [['Lead', lead.lead_id], ['Account', lead.account_id], ['Stage', lead.stage && stageName(lead.stage)],
    ['Score', lead.grade ? `${lead.score}, grade ${lead.grade}` : `${lead.score}`], ['Route', lead.route],
    ['Segments', lead.segments.join(', ')], ['Rejected', lead.rejected?.reason],
    ['Deals', deals.length > 0
      ? `${deals.map((deal) => deal.deal_id).join(', ')}: ${number(value, 'currency', currency)}` : null]];
  return html`<dl class="facts list">${facts.filter(([, value]) => value).map(([name, text]) => html`<div key=${name}>
    <dt>${name}</dt><dd>${text}</dd></div>`)}</dl>`;
}

function steps(lead, { catalogue }) {
  const touches = lead.touches.map((touch) => ({ time: touch.time, kind: 'touch', title: `${label(touch.channel)}`,
    note: [touch.kind, touch.campaign, touch.in_journey ? ''
      : 'not part of the journey'].filter(isSaid).map(label).join(' · ') }));
  const fills = lead.form_fills.map(({ time, form_kind: kind }) => ({ time, kind: 'fill', title: 'Form',
    note: label(kind) }));
  const own = lead.stages.map(({ stage, time }) => ({ time, kind: 'stage', title: `→ ${stageName(stage)}`,
    credits: credits(lead, stage, null) }));
  const deals = lead.deals.flatMap((deal) => [
    ...deal.stages.map(({ stage, time }) => ({ time, kind: 'stage', title: `→ ${stageName(stage)}`,
      note: [deal.deal_id, deal.value === null ? ''
        : number(deal.value, 'currency', catalogue.currency)].filter(Boolean).join(' · '),
      credits: credits(lead, stage, deal.deal_id) })),
    ...(deal.lost === null ? [] : [{ time: deal.lost, kind: 'lost', title: '→ Lost', note: deal.deal_id ?? '' }])]);
  const rank = { touch: 0, fill: 1, stage: 2, lost: 3 };
  return [...touches, ...fills, ...own, ...deals].sort((a, b) => a.time - b.time || rank[a.kind] - rank[b.kind]);
}

// By model: what each channel has of a conversion.
function credits(lead, stage, deal) {
  const found = lead.conversions.find((one) => one.stage === stage && one.deal_id === deal);
  return (found?.models ?? []).map(({ model, touches }) => {
    const channels = new Map();
    for (const { channel, credit } of touches) channels.set(channel, (channels.get(channel) ?? 0) + credit);
    const said = [...channels].sort(([, a], [, b]) => b - a)
      .map(([channel, credit]) => `${label(channel)} ${number(credit, 'ratio')}`);
    return [model, said.join(', ') || 'no touch'];
  });
}
