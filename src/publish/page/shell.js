// What is around every view: where to go, what is chosen, what comes in, and whether the numbers are live.

import { amid, count, label, moment, number, span, windowName, words } from './format.js';
import { nearest, question } from './kpis.js';
import { query } from './live.js';
import { ByReason } from './operations.js';
import { CampaignGap } from './overview.js';
import { Choice, useAnswer, whyEmpty, WindowSpan } from './parts.js';
import { html, useState } from './vendor/vendor.js';

const BEHIND_MS = 5 * 60_000;
const MOST_CAMPAIGNS = 300;
const THEMES = [['', 'System'], ['light', 'Light'], ['dark', 'Dark']];

export function Starting({ trouble }) {
  return html`<main class="starting"><h1>tributary</h1>
    <p id="connection" role="status"
      class=${trouble ? 'lost' : ''}>${trouble ? `no answer (${trouble}), trying again` : 'connecting'}</p></main>`;
}

export function Shell({ app, views, children }) {
  const { chosen } = app;
  return html`<div class="page">
    <a class="skip" href="#main">Skip to the content</a>
    <header>
      <div class="bar-top">
        <h1><a href=${app.address({ view: 'overview' })}><img src="icon.svg" alt="" width="24"
          height="24" /> tributary</a></h1>
        <${Connection} app=${app} />
        <${Pause} app=${app} />
        <${Theme} app=${app} />
      </div>
      <nav aria-label="Views"><ul>${Object.entries(views).map(([id, { name }]) => html`<li key=${id}>
        <a href=${app.address({ view: id })}
          aria-current=${id === chosen.view ? 'page' : undefined}>${name}</a></li>`)}</ul></nav>
      <${Filter} app=${app} />
    </header>
    <${Notice} app=${app} />
    <main id="main" tabindex="-1">
      <${Intake} app=${app} />
      <div class="title"><h2>${views[chosen.view].name}</h2>${views[chosen.view].windowed !== false
        && html`<p class="note"><${About} app=${app} /></p>`}</div>
      ${chosen.view !== 'overview' && html`<${CampaignGap} app=${app} />`}
      ${children}
    </main>
    <footer><p><a href="/metrics">metrics</a> · <a href="/api/v1/catalogue">catalogue</a> ·
      ${' '}<a id="raw"
        href=${`/api/v1/kpis?${query({ window: chosen.window, start: 'running' })}`}>these rows as JSON</a> ·
      ${' '}<a href="vendor/LICENSES.txt">licences</a> · <span
        id="version">tributary ${app.live.status?.version ?? ''}</span></p></footer>
    <span hidden class="inks"><span class="ink-accent"></span><span class="ink-soft"></span><span
      class="ink-line"></span><span class="ink-tint"></span></span>
  </div>`;
}

// Whichever view: the days of the window, and which channels there are.
Shell.questions = ({ catalogue, chosen }) => {
  const window = nearest(catalogue, 'leads', chosen.window, 'channel', 'model');
  return [
    ...(catalogue.has('leads', chosen.window) ? [question(['leads'], chosen.window, {}, [], { start: 'running' })]
      : []),
    ...(window ? [question(['leads'], window, { model: chosen.model }, ['channel'], { start: 'running' })] : []),
  ];
};

function Connection({ app }) {
  const { connection, paused } = app.live;
  const state = paused !== null ? 'paused' : connection.state;
  return html`<p id="connection" role="status" class=${state}>${paused !== null ? 'paused' : connection.text}</p>`;
}

function Pause({ app }) {
  const paused = app.live.paused !== null;
  return html`<button type="button" id="pause" aria-pressed=${paused ? 'true' : 'false'}
    onClick=${() => app.live.pause(!paused)}>${paused ? 'Resume' : 'Pause'}</button>`;
}

function Theme({ app }) {
  const theme = document.documentElement.dataset.theme ?? '';
  const set = (to) => {
    if (to) document.documentElement.dataset.theme = to;
    else delete document.documentElement.dataset.theme;
    try {
      localStorage.setItem('tributary-theme', to);
    } catch {
      // It holds until the page is loaded again.
    }
    app.draw();
  };
  return html`<${Choice} id="theme" label="Theme" options=${THEMES} value=${theme} pick=${set} className="theme" />`;
}

function Filter({ app }) {
  const { catalogue, chosen, go } = app;
  const windows = catalogue.windows.filter((window) => window !== 'now').map((window) => [window, windowName(window)]);
  return html`<form class="filter" role="search"
    aria-label="What is shown" onSubmit=${(event) => event.preventDefault()}>
    <${Choice} id="window" label="Window" options=${windows} value=${chosen.window}
      pick=${(window) => go({ window })} />
    <${Choice} id="channel" label="Channel" value=${chosen.channel} options=${channels(app)}
      pick=${(channel) => go({ channel, campaign: '' })} />
    <${Campaign} app=${app} />
    <${Choice} id="model" label="Credit by" value=${chosen.model} pick=${(model) => go({ model })}
      options=${catalogue.rules.map((model) => [model, words(model)])} />
    ${(chosen.channel || chosen.campaign) && html`<button type="button" class="link" id="clear"
      onClick=${() => go({ channel: '', campaign: '' })}>Clear the filter</button>`}
  </form>`;
}

function channels({ live, catalogue, chosen }) {
  const window = nearest(catalogue, 'leads', chosen.window, 'channel', 'model');
  const rows = window ? live.store.running('leads', window, { model: chosen.model }, 'channel') : [];
  const names = [...new Set([...rows.map((row) => row.dims.channel), ...(chosen.channel ? [chosen.channel]
    : [])])].sort();
  return [['', 'All channels'], ...names.map((name) => [name, label(name)])];
}

// The campaigns of the channel, the greatest first, from a window that has them.
function Campaign({ app }) {
  const { catalogue, chosen, go } = app;
  const windows = catalogue.windowsOf('leads', 'campaign', 'channel', 'model');
  const window = windows.includes(chosen.window) ? chosen.window
    : ['all', '1y', '1q', '1mo'].find((one) => windows.includes(one)) ?? windows[0];
  const path = chosen.channel && window && `/api/v1/kpis?${query({ kpi: 'leads', window, start: 'running',
    dims: 'campaign,channel,model', channel: chosen.channel, model: chosen.model })}`;
  const { body } = useAnswer(path || null, app, 30_000);
  const names = [...(body ?? [])].sort((a, b) => b.value - a.value).slice(0, MOST_CAMPAIGNS)
    .map((row) => row.dims.campaign).filter(Boolean);
  const all = [...new Set([...names, ...(chosen.campaign ? [chosen.campaign] : [])])];
  if (!chosen.channel) return null;
  return html`<${Choice} id="campaign" label="Campaign" value=${chosen.campaign} pick=${(campaign) => go({ campaign })}
    options=${[['', all.length > 0 ? 'All campaigns' : 'None known'], ...all.map((name) => [name, label(name)])]} />`;
}

// The window, the filter, and who gives the credit, in words.
function About({ app }) {
  const { chosen } = app;
  const filter = [chosen.channel, chosen.campaign].filter(Boolean).map(label).join(', ');
  return html`${windowName(chosen.window)} <${WindowSpan}
    app=${app} />${filter && html` · only <strong>${filter}</strong>,
    credit by ${amid(chosen.model)}`}`;
}

function Intake({ app }) {
  const { live, catalogue } = app;
  const { status, rate } = live;
  const [open, set] = useState(false);
  if (!status) return null;
  const of = status.intake;
  const share = (part) => (of.consumed > 0 && part > 0 ? number(part / of.consumed, 'ratio') : '');
  const entries = [
    ['In', count(of.accepted), rate === null ? '' : `${count(Math.round(rate))}/s`],
    ['Late', count(of.late), share(of.late)],
    ['Duplicate', count(of.duplicated), share(of.duplicated)],
    ['Rejected', count(of.rejected), share(of.rejected)],
    ['Lag', of.lag === null ? '–' : count(of.lag), of.lag === null ? '' : of.lag === 1 ? 'record' : 'records'],
    ['Event time', moment(status.watermark, catalogue.zone), status.watermark === null ? ''
      : `${span(status.now - status.watermark)} behind`],
  ];
  const why = html`<button type="button" class="link" id="why-rejected" aria-expanded=${open ? 'true' : 'false'}
    aria-controls="reasons" onClick=${() => set(!open)}>why<span class="quiet"> records were rejected</span></button>`;
  return html`<section class="intake" aria-label="What comes in">
    <dl id="intake">${entries.map(([name, value, note]) => html`<div key=${name}><dt>${name}</dt>
      <dd><span>${value}</span> <small>${note}${name === 'Rejected' && of.rejected > 0
        && html` ${why}`}</small></dd></div>`)}</dl>
    <div id="reasons" hidden=${!open}>${open && html`<${ByReason} rejections=${status.rejections ?? []} />`}</div>
  </section>`;
}

// What a reader must know to trust the numbers, or nothing. Figures in it move all the time: only what it is about is
// told aloud.
function Notice({ app }) {
  const [about, text] = warning(app);
  return html`<p class="quiet" role="status">${about}</p><p id="notice" hidden=${text === ''}>${text}</p>`;
}

function warning({ live, catalogue }) {
  const { status, paused } = live;
  if (!status) return ['', ''];
  if (paused !== null) {
    const since = moment(paused, catalogue.zone);
    return ['Paused', `Paused: these are the numbers of ${since}. Events come in meanwhile.`];
  }
  const silent = Date.now() - status.heard;
  if (!live.isOpen && silent > 1500) return ['Not live', `Not live: these are the numbers of ${span(silent)} ago.`];
  if (status.not_ready || status.trouble || status.watermark === null) {
    const why = whyEmpty({ live, catalogue });
    return [why, why];
  }
  if (status.now - status.watermark < BEHIND_MS) return ['', ''];
  const time = moment(status.watermark, catalogue.zone);
  const { lag } = status.intake;
  const unread = lag > 0 ? `, ${count(lag)} ${lag === 1 ? 'record is' : 'records are'} still to be read` : '';
  if (live.hurrying || lag > 0) return ['Catching up', `Catching up: event time has come to ${time}${unread}.`];
  return ['Event time stands still', `Event time stands at ${time}: nothing newer has come in.`];
}
