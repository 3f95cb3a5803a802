// What several views are made of: cards, sparklines, bars, changes, and the reasons why something is empty.

import { change, day, isRolling, moment, number, quote, spokenChange, windowBefore, windowName } from './format.js';
import { betterOf, nameOf, stageOf, unitOf } from './kpis.js';
import { ask } from './live.js';
import { html, useEffect, useState } from './vendor/vendor.js';

export function Card({ id, title, note, tools, wide, children }) {
  return html`<section class=${`card${wide ? ' wide' : ''}`} aria-labelledby=${`${id}-title`} id=${id}>
    <div class="head"><h3 id=${`${id}-title`}>${title}</h3>${tools}</div>
    ${note && html`<p class="note">${note}</p>`}
    ${children}
  </section>`;
}

// A table that may be wider than its place: it scrolls, by keyboard too.
export function Table({ label, caption, children, className = '' }) {
  return html`<div class="scroll" role="region" aria-label=${`${label}, table`} tabindex="0">
    <table class=${className}><caption
      class=${caption ? 'note' : 'quiet'}>${caption ?? label}</caption>${children}</table>
  </div>`;
}

// One of a few, as a select with its label.
export function Choice({ id, label, options, value, pick, className = '' }) {
  return html`<label class=${`choice ${className}`} for=${id}><span>${label}</span>
    <select id=${id} onChange=${(event) => pick(event.target.value)}>
      ${options.map(([key, text]) => html`<option key=${key} value=${key} selected=${key === value}>${text}</option>`)}
    </select></label>`;
}

// The first of many rows, and the rest when it is wanted: gives what to show, and a button or nothing.
export function useFew(all, most = 12) {
  const [whole, set] = useState(false);
  const hidden = all.length - most;
  if (hidden <= 1) return [all, null];
  const button = html`<p><button type="button" class="link" aria-expanded=${whole ? 'true' : 'false'}
    onClick=${() => set(!whole)}>${whole ? 'Show fewer' : `Show ${hidden} more`}</button></p>`;
  return [whole ? all : all.slice(0, most), button];
}

// Against the window before. A window under way is not yet comparable with a whole one: only rolling ones are judged.
export function Change({ kpi, row, window }) {
  if (!row || row.change === null || row.previous === null) return null;
  const judged = isRolling(window) ? Math.sign(row.change) * betterOf(kpi) : 0;
  const whole = number(row.previous, unitOf(kpi, row), row.currency);
  const against = isRolling(window) ? `${whole} in ${windowBefore(window)}`
    : `${whole} in the whole of ${windowBefore(window)}`;
  return html`<span class=${`change ${judged > 0 ? 'good' : judged < 0 ? 'bad' : ''}`} title=${against}>
    <span aria-hidden="true">${change(row.change)}</span>
    <span class="quiet">${spokenChange(row.change)}, from ${against}</span>
  </span>`;
}

const WIDTH = 100;
const HEIGHT = 36;

export function Sparkline({ rows }) {
  const points = rows.filter((row) => row.value !== null).slice(-60);
  if (points.length < 2) return html`<svg class="spark" viewBox="0 0 ${WIDTH} ${HEIGHT}" aria-hidden="true"></svg>`;
  const values = points.map((row) => row.value);
  const [least, most] = [Math.min(0, ...values), Math.max(...values)];
  const [first, last] = [points[0].start, points.at(-1).start];
  const x = (row) => ((row.start - first) / (last - first || 1)) * (WIDTH - 3) + 1;
  const y = (row) => HEIGHT - 3 - ((row.value - least) / (most - least || 1)) * (HEIGHT - 7);
  const path = points.map((row) => `${x(row).toFixed(1)},${y(row).toFixed(1)}`).join('L');
  const end = points.at(-1);
  return html`<svg class="spark" viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none" aria-hidden="true">
    <path class="area" d=${`M1,${HEIGHT}L${path}L${WIDTH - 2},${HEIGHT}Z`} />
    <path class="line" d=${`M${path}`} />
    <path class="dot" d=${`M${x(end).toFixed(1)},${y(end).toFixed(1)}h0`} />
  </svg>`;
}

// A share of the width; what it means stands beside it as text.
export function Bar({ share, className = '', mark, target, range }) {
  const percent = (of) => `${(100 * Math.max(0, Math.min(1, of))).toFixed(2)}%`;
  return html`<span class=${`bar ${className}${range ? ' ranged' : ''}`} aria-hidden="true">
    <span class="fill" style=${{ width: percent(share || 0) }}></span>
    ${range && html`<span class="range" style=${{ left: percent(range[0]), right: percent(1 - range[1]) }}></span>`}
    ${target !== undefined && html`<span class="end" style=${{ left: percent(target) }}></span>`}
    ${mark !== undefined && html`<span class="mark" style=${{ left: percent(mark) }}></span>`}
  </span>`;
}

// A number that leads to the conversions behind it, where there are any.
export function Behind({ app, kpi, row, fixed, window, stage = stageOf(kpi), text }) {
  const shown = text ?? number(row?.value, unitOf(kpi, row), row?.currency);
  if (!row || !row.value || !stage || !window || window === 'now') return shown;
  const of = { ...fixed, stage, window, ...(row.start !== null && { start: row.start }) };
  const named = [nameOf(kpi), fixed.channel, fixed.campaign, fixed.model].filter(Boolean).join(', ');
  return html`<button type="button" class="behind"
    aria-label=${`${shown}: conversions behind ${named.replaceAll('_', ' ')}`}
    aria-haspopup="dialog" onClick=${() => app.open(of)}>${shown}</button>`;
}

// Why nothing is here; with the other windows to go to, if they have what this one has not.
export function Empty({ app, kpi, dims = [], what = 'Nothing', window = app.chosen.window }) {
  const { catalogue } = app;
  if (kpi && !catalogue.kpis.has(kpi)) {
    return html`<p class="empty">Not computed here: <code>output.kpis</code> of the configuration leaves out
      <code>${kpi}</code>.</p>`;
  }
  const windows = kpi ? catalogue.windowsOf(kpi, ...dims) : [];
  if (kpi && !windows.includes(window)) return html`<${Elsewhere} app=${app} window=${window} windows=${windows}
    what=${what} />`;
  return html`<p class="empty">${what} yet in this window. ${whyEmpty(app)}</p>`;
}

// Rows that this window has not, and those that have.
export function Elsewhere({ app, window, windows, what }) {
  const others = windows.filter((other) => other !== 'now' && app.catalogue.windows.includes(other));
  return html`<p class="empty">${what} there are no rows for ${quote(window)}.
    ${others.length === 0 ? ' No configured window has them: see time.windows and output.rolling_dims.' : html`
      ${' '}Show ${others.map((other, at) => html`${at > 0 && ' · '}<button type="button" class="link"
        onClick=${() => app.go({ window: other })}>${windowName(other)}</button>`)}`}</p>`;
}

// Said where another window than the chosen one is shown.
export function Instead({ app, window, what }) {
  if (!window || window === app.chosen.window) return null;
  return html`<p class="note instead">There are no rows ${what} for ${quote(app.chosen.window)}: these are of
    ${' '}<strong>${quote(window)}</strong>.</p>`;
}

export function whyEmpty({ live, catalogue }) {
  const { status } = live;
  if (status?.not_ready) return `The instance is not ready: ${status.not_ready}.`;
  if (status?.trouble) return `The instance has trouble: ${status.trouble}.`;
  if (!status || status.watermark === null) return 'No events have come in so far.';
  if (!live.answered) return 'The instance has not answered yet.';
  return `Event time has come to ${moment(status.watermark, catalogue.zone)}, and no fact of it lies here.`;
}

// The window in words: its days, and what it is compared with.
export function WindowSpan({ app }) {
  const { live, catalogue, chosen } = app;
  const row = ['leads', 'sessions', 'spend', 'revenue'].map((kpi) => live.store.now(kpi, chosen.window)).find(Boolean);
  if (!row || row.start === null) return null;
  const days = [day(row.start, catalogue.zone), day(row.end - 1, catalogue.zone)];
  return html`<span>${days[0] === days[1] ? days[0] : days.join(' – ')}</span>`;
}

const kept = new Map();

// An answer of the API that the stream does not tell of: asked again while it is looked at and nothing is paused.
export function useAnswer(path, app, everyMs = 5000) {
  const [, tell] = useState(0);
  const paused = app.live.paused !== null;
  useEffect(() => {
    if (!path) return undefined;
    let ended = false;
    const look = async () => {
      if (document.hidden && kept.has(path)) return;
      try {
        kept.set(path, { ...(await ask(path)), error: null });
      } catch (error) {
        // What was answered before stays; the reason is shown beside it.
        kept.set(path, { body: null, ...kept.get(path), error });
      }
      if (!ended) tell((times) => times + 1);
    };
    if (!paused || !kept.has(path)) look();
    const timer = paused ? null : setInterval(look, everyMs);
    return () => { ended = true; clearInterval(timer); };
  }, [path, paused, everyMs]);
  return kept.get(path) ?? { body: null, why: '', error: null };
}

export function Trouble({ error }) {
  if (!error) return null;
  return html`<p class="empty" role="status">${sentence(error.message)} ${error.hint && `${sentence(error.hint)}`}</p>`;
}

export function sentence(text) {
  const whole = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(whole) ? whole : `${whole}.`;
}
