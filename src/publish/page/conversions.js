// From a number to the conversions behind it, to their touches with each model's credit, to the whole journey of a
// lead. It is a modal dialog: Escape closes it, and the focus goes back to the number.

import { isSaid, label, moment, number, windowName, words } from './format.js';
import { stageName } from './kpis.js';
import { Journey } from './lead.js';
import { ask, query } from './live.js';
import { sentence, Table } from './parts.js';
import { html, useEffect, useRef, useState } from './vendor/vendor.js';

const FEW = 50;
const MANY = 500;

const untouched = { no_touch: 'no touch is known of this journey',
  outside_lookback: 'all touches of this journey are older than attribution.lookback' };

// `of` has stage, window, and what is known of start, channel, campaign and model.
export function Conversions({ app, of }) {
  const place = useRef(null);
  const [lead, show] = useState(null);
  const back = useRef(null);
  const title = useRef(null);
  useEffect(() => {
    const dialog = place.current;
    if (!dialog.open) dialog.showModal();
    return () => dialog.close();
  }, []);
  useEffect(() => {
    if (lead) title.current?.focus();
    else if (back.current) document.getElementById(back.current)?.focus();
  }, [lead]);
  const close = () => place.current.close();
  return html`<dialog class="drawer" ref=${place} aria-labelledby="drawer-title" onClose=${() => app.open(null)}
      onClick=${(event) => event.target === place.current && close()}>
    <div class="inside">
      <div class="head"><h2 id="drawer-title" tabindex="-1"
        ref=${title}>${lead ? 'Journey of a lead' : heading(of)}</h2>
        <button type="button" class="close" onClick=${close}>Close</button></div>
      ${lead && html`<button type="button" class="link" onClick=${() => show(null)}>← Back to the conversions</button>
        <${Journey} app=${app} id=${lead} />`}
      <div hidden=${lead !== null}><${List} app=${app}
        of=${of} show=${(id, from) => { back.current = from; show(id); }} /></div>
    </div>
  </dialog>`;
}

function heading({ stage, channel, campaign }) {
  const by = [channel, campaign].filter(Boolean).map(label).join(', ');
  return `Conversions to ${stageName(stage)}${by ? `: ${by}` : ''}`;
}

// The answer of the moment: it stays as it is while it is read.
function useConversions(of, limit, times) {
  const [answer, take] = useState({ body: null, error: null });
  const path = `/api/v1/conversions?${query({ ...of, limit })}`;
  useEffect(() => {
    let ended = false;
    const set = (found) => !ended && take(found);
    ask(path).then(({ body }) => set({ body, error: null }), (error) => set({ body: null, error }));
    return () => { ended = true; };
  }, [path, times]);
  return answer;
}

function List({ app, of, show }) {
  const [limit, allow] = useState(FEW);
  const [times, again] = useState(0);
  const { body, error } = useConversions(of, limit, times);
  const askAgain = html`<button type="button" class="link" onClick=${() => again(times + 1)}>Ask again</button>`;
  if (error) {
    const hint = error.hint ? sentence(error.hint) : '';
    return html`<p class="empty" role="alert">${sentence(error.message)} ${hint} ${askAgain}</p>`;
  }
  if (!body) return html`<p class="empty" role="status">Looking them up …</p>`;
  const { conversions, total } = body;
  const shown = conversions.length < total ? `the latest ${conversions.length} of ${number(total, 'count')}`
    : `all ${number(total, 'count')}`;
  const credited = of.channel && of.model
    ? ` ${words(of.model)} gives ${label(of.channel)} ${number(body.credit, 'count')} of all of them.` : '';
  return html`
    <p class="note">${windowName(of.window)}: ${shown}.${credited}</p>
    ${!body.complete && html`<p class="banner">Not complete: ${body.missing.join('; ')}. ${askAgain}</p>`}
    ${conversions.length === 0 ? html`<p class="empty">${sentence(body.empty_because ?? 'no shard that answered has one')}
      </p>`
      : html`<ol class="conversions">${conversions.map((one, at) => html`<${Conversion}
          key=${`${one.stage} ${one.subject} ${one.time}`} app=${app} at=${at} one=${one}
            of=${of} currency=${body.currency} show=${show} />`)}</ol>`}
    ${conversions.length < total && limit < MANY && html`<p><button type="button" class="link"
      onClick=${() => allow(MANY)}>Show ${number(Math.min(total, MANY) - conversions.length, 'count')} more
      </button></p>`}`;
}

function Conversion({ app, at, one, of, currency, show }) {
  const [open, set] = useState(at === 0);
  const id = `conversion-${at}`;
  const touches = one.touches.length + (one.touches_left_out ?? 0);
  const credit = of.channel ? `${number(one.credit, 'ratio')} credit` : '';
  const facts = [moment(one.time, app.catalogue.zone), one.value === null ? null
    : number(one.value, 'currency', currency),
    credit, `${touches} ${touches === 1 ? 'touch' : 'touches'}`].filter(Boolean);
  return html`<li><h3><button type="button" aria-expanded=${open ? 'true' : 'false'} aria-controls=${id}
      onClick=${() => set(!open)}><span
        class="who">${one.subject}</span> <small>${facts.join(' · ')}</small></button></h3>
    <div id=${id} hidden=${!open}>${open && html`
      <${Touches} app=${app} one=${one} of=${of} />
      ${one.lead_id && html`<p><button type="button" class="link" id=${`lead-${at}`}
        onClick=${() => show(one.lead_id, `lead-${at}`)}>
        Whole journey of ${one.lead_id}</button></p>`}`}</div></li>`;
}

function Touches({ app, one, of }) {
  if (one.touches.length === 0) {
    return html`<p class="empty">${sentence(untouched[one.unattributed] ?? 'no touch is known of this journey')}</p>`;
  }
  const place = (model) => (app.catalogue.models.indexOf(model) + 1 || 99);
  const models = [...new Set(one.touches.flatMap((touch) => Object.keys(touch.credits)))]
    .sort((a, b) => place(a) - place(b));
  const mine = (touch) => of.channel === touch.channel && (!of.campaign || of.campaign === touch.campaign);
  return html`${one.touches_left_out > 0 && html`<p class="note">The first touch and the latest ones:
      ${' '}${number(one.touches_left_out, 'count')} between them are not shown.</p>`}
    <${Table} label=${`Touches of ${one.subject}`}
    caption="Touches, and the share of credit that each model gives them" className="touches">
    <thead><tr><th scope="col">Touch</th><th scope="col">When</th>${models.map((model) => html`<th scope="col"
      key=${model}
      class=${model === of.model ? 'strong' : ''}>${words(model)}</th>`)}</tr></thead>
    <tbody>${one.touches.map((touch, at) => html`<tr key=${at} class=${mine(touch) ? 'mine' : ''}>
      <th scope="row">${label(touch.channel)}${mine(touch) && html`<span
        class="quiet"> (the one chosen)</span>`}<small>${detail(touch)}</small></th>
      <td>${moment(touch.time, app.catalogue.zone)}</td>
      ${models.map((model) => html`<td key=${model}
        class=${touch.credits[model] ? `heat-${Math.ceil(5 * touch.credits[model])}` : 'soft'}>
        ${touch.credits[model] ? number(touch.credits[model], 'ratio') : '–'}</td>`)}</tr>`)}</tbody><//>`;
}

function detail({ campaign, content, term }) {
  return [campaign, content, term].filter(isSaid).map(label).join(' · ');
}

