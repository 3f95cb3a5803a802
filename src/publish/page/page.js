// The live page: asks for what there is, hears of what changes, shows both. A lost connection is tried again for ever;
// what was shown stays, and says how old it is.

import { count, moment, span, windowName } from './format.js';
import { Store } from './store.js';
import { FUNNEL, METRICS, TILES, caption, element, freshness, funnel, intake, lineWindow, models, tiles } from './views.js';

const BEHIND_MS = 5 * 60_000;
const RETRY_MS = 2000;
const RENDER_MS = 250;

const at = (id) => document.getElementById(id);
const store = new Store();
const view = { window: null, metric: 'leads', metricName: 'Leads' };
const changed = new Set();
const kpis = [...new Set([...TILES, ...FUNNEL].map(([kpi]) => kpi))];

let catalogue = null;
let status = null;
let rate = null;
let hurrying = false;
let paused = false;
let source = null;
let generation = 0;
let drawn = 0;
let due = null;
let whyEmpty = '';

async function ask(path) {
  const answer = await fetch(path, { headers: { accept: 'application/json' } });
  const body = await answer.json();
  if (!answer.ok) throw new Error(body.reason ?? answer.statusText);
  return { body, why: answer.headers.get('tributary-empty-because') };
}

function query(of) {
  return new URLSearchParams(of).toString();
}

// Totals with their past, and the channels by model as they are now.
function questions() {
  const windows = [...new Set([view.window, lineWindow(view.window)])].join();
  return [
    { kpi: kpis.join(), window: windows, dims: '' },
    { kpi: view.metric, window: view.window, dims: 'channel,model' },
  ];
}

async function fetchRows(mine) {
  const [totals, credits] = questions();
  const answers = await Promise.all(
    [totals, { ...credits, start: 'running' }].map((of) => ask(`/api/v1/kpis?${query(of)}`)));
  if (mine !== generation) return;
  for (const { body } of answers) store.put(body);
  whyEmpty = answers[0].why ?? '';
  draw();
}

// (Re)connects for what is chosen. The stream opens first, so that nothing falls between it and the answers.
function connect() {
  const mine = ++generation;
  source?.close();
  const asks = questions().map((of) => ['ask', query(of)]);
  const stream = new EventSource(`/api/v1/stream?${query(asks)}`);
  source = stream;
  const refresh = () => fetchRows(mine).catch((error) => say('lost', `no answer (${error.message})`));
  const on = (name, act) => stream.addEventListener(name, (event) => mine === generation && act(event));
  on('open', () => { say('live', 'live'); refresh(); });
  on('rows', (event) => { note(store.put(JSON.parse(event.data))); schedule(); });
  on('gone', (event) => { store.remove(JSON.parse(event.data)); schedule(); });
  on('behind', refresh);
  on('status', (event) => hear(JSON.parse(event.data)));
  on('error', () => {
    say('lost', 'connection lost, trying again');
    if (stream.readyState === EventSource.CLOSED) setTimeout(() => mine === generation && connect(), RETRY_MS);
    draw();
  });
}

function note(keys) {
  for (const key of keys) {
    const [kpi, window, , dims] = key.split('|');
    if (dims === '' && window === view.window) changed.add(kpi);
  }
}

function hear(news) {
  if (status && news.now > status.now) {
    rate = ((news.intake.accepted - status.intake.accepted) * 1000) / (news.now - status.now);
    if (rate < 0) rate = null;
    // Event time that goes faster than the clock has something to catch up with.
    hurrying = news.watermark - status.watermark > 3 * (news.now - status.now);
  }
  status = { ...news, heard: Date.now() };
  store.advance(news.watermark);
  schedule();
}

function say(state, text) {
  const into = at('connection');
  if (into.textContent === text) return;
  into.className = state;
  into.textContent = text;
}

// Soon, but not more often than eyes can follow.
function schedule() {
  if (due !== null) return;
  due = setTimeout(() => { due = null; draw(); }, Math.max(0, drawn + RENDER_MS - Date.now()));
}

function draw() {
  if (paused || !catalogue) return;
  drawn = Date.now();
  tiles(at('numbers'), store, view, changed);
  changed.clear();
  empty('funnel-empty', funnel(at('funnel'), store, view));
  empty('models-empty', models(at('models'), store, view, catalogue.models));
  at('models-about').textContent = caption(store, view);
  if (status) intake(at('intake'), status, rate, catalogue.zone);
  freshness(at('numbers'), Date.now() + skew());
  notice();
}

// How far the instance's clock is ahead of the browser's.
function skew() {
  return status ? status.now - status.heard : 0;
}

function empty(id, filled) {
  const into = at(id);
  into.hidden = filled;
  into.textContent = filled ? '' : `Nothing yet in this window. ${reason()}`;
}

function reason() {
  if (status?.not_ready) return `The instance is not ready: ${status.not_ready}.`;
  if (status?.trouble) return `The instance has trouble: ${status.trouble}.`;
  if (!status || status.watermark === null) return 'No events have come in so far.';
  if (whyEmpty) return `${whyEmpty.charAt(0).toUpperCase()}${whyEmpty.slice(1)}.`;
  return `Event time has come to ${moment(status.watermark, catalogue.zone)}, and no fact of it lies in the window.`;
}

// What a reader must know to trust the numbers, or nothing.
function notice() {
  const into = at('notice');
  const text = warning();
  into.hidden = text === '';
  if (into.textContent !== text) into.textContent = text;
}

function warning() {
  if (source?.readyState !== EventSource.OPEN && status) {
    return `Not live: these are the numbers of ${span(Date.now() - status.heard)} ago.`;
  }
  if (!status) return '';
  if (status.not_ready) return `Not ready: ${status.not_ready}.`;
  if (status.trouble) return `Trouble: ${status.trouble}.`;
  if (status.watermark === null) return 'Waiting for the first events.';
  if (status.now - status.watermark < BEHIND_MS) return '';
  const time = moment(status.watermark, catalogue.zone);
  const lag = status.intake.lag;
  if (hurrying || lag > 0) {
    return `Catching up: event time has come to ${time}${lag > 0 ? `, ${count(lag)} records are still to be read` : ''}.`;
  }
  return `Event time stands at ${time}: nothing newer has come in.`;
}

function choose(select, options, chosen) {
  select.replaceChildren(...options.map(([value, text]) => element('option', { value, textContent: text })));
  select.value = options.some(([value]) => value === chosen) ? chosen : options[0][0];
  return select.value;
}

function remember() {
  history.replaceState(null, '', `?${query({ window: view.window, metric: view.metric })}`);
  at('raw').href = `/api/v1/kpis?${query({ window: view.window, start: 'running' })}`;
}

function pick() {
  view.window = at('window').value;
  view.metric = at('metric').value;
  view.metricName = at('metric').selectedOptions[0].textContent;
  store.clear();
  changed.clear();
  remember();
  draw();
  connect();
}

async function begin() {
  try {
    catalogue = (await ask('/api/v1/catalogue')).body;
  } catch (error) {
    say('lost', `no answer (${error.message}), trying again`);
    return void setTimeout(begin, RETRY_MS);
  }
  const given = new URLSearchParams(location.search);
  const windows = catalogue.windows.filter((window) => window !== 'now').map((name) => [name, windowName(name)]);
  const known = new Set(catalogue.kpis.map((kpi) => kpi.id));
  choose(at('window'), windows, given.get('window') ?? '30d');
  choose(at('metric'), METRICS.filter(([kpi]) => known.has(kpi)), given.get('metric') ?? 'leads');
  at('window').addEventListener('change', pick);
  at('metric').addEventListener('change', pick);
  at('pause').addEventListener('click', () => {
    paused = !paused;
    at('pause').setAttribute('aria-pressed', paused);
    at('pause').textContent = paused ? 'Resume' : 'Pause';
    draw();
  });
  try {
    status = { ...(await ask('/api/v1/status')).body, heard: Date.now() };
    at('version').textContent = `tributary ${status.version}`;
  } catch { /* The stream brings it, or says why not. */ }
  pick();
  setInterval(() => !paused && draw(), 1000);
}

for (const form of document.forms) form.addEventListener('submit', (event) => event.preventDefault());
begin();
