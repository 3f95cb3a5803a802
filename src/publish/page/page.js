// The live page: what is chosen is in the address, what is shown comes from the instance, and everything is drawn anew,
// not more often than eyes can follow, when either changes.

import { Conversions } from './conversions.js';
import { Catalogue, METRICS, STAGES, TILES } from './kpis.js';
import { ask, Live } from './live.js';
import { Shell, Starting } from './shell.js';
import { html, render } from './vendor/vendor.js';

import * as attribution from './attribution.js';
import * as cost from './cost.js';
import * as funnel from './funnel.js';
import * as goals from './goals.js';
import * as journeys from './journeys.js';
import * as operations from './operations.js';
import * as overview from './overview.js';

const RETRY_MS = 2000;
const RENDER_MS = 250;
const REST_MS = 5000;

const VIEWS = {
  overview: { name: 'Overview', view: overview.Overview, questions: overview.questions },
  attribution: { name: 'Attribution', view: attribution.Attribution, questions: attribution.questions },
  funnel: { name: 'Funnel', view: funnel.FunnelView, questions: funnel.questions },
  cost: { name: 'Cost', view: cost.Cost, questions: cost.questions },
  journeys: { name: 'Journeys', view: journeys.Journeys, questions: journeys.questions },
  goals: { name: 'Goals', view: goals.Goals, questions: goals.questions, windowed: false },
  operations: { name: 'Operations', view: operations.Operations, questions: operations.questions, windowed: false },
};

const root = document.getElementById('page');
const live = new Live(() => schedule());
let catalogue = null;
let defaults = null;
let chosen = null;
let behind = null;
let trouble = '';
let drawn = 0;
let due = null;

function pick(given, among, otherwise) {
  return among.includes(given) ? given : otherwise;
}

// What the address says, with what is not said as it is at first.
function read() {
  const given = new URLSearchParams(location.search);
  const of = (name, among) => pick(given.get(name), among, defaults[name]);
  return {
    view: of('view', Object.keys(VIEWS)), window: of('window', catalogue.windows), model: of('model', catalogue.rules),
    metric: of('metric', METRICS), trend: of('trend', TILES), stage: of('stage', STAGES.map(([stage]) => stage)),
    channel: given.get('channel') ?? '', campaign: given.get('campaign') ?? '',
  };
}

function address(changes = {}) {
  const all = Object.entries({ ...chosen, ...changes }).filter(([name, value]) => value !== (defaults[name] ?? ''));
  const text = new URLSearchParams(all).toString();
  return text ? `?${text}` : './';
}

function go(changes) {
  history.pushState(null, '', address(changes));
  arrive();
}

function arrive() {
  const view = chosen?.view;
  chosen = read();
  if (view && view !== chosen.view) window.scrollTo(0, 0);
  document.title = `${VIEWS[chosen.view].name} · tributary`;
  draw();
}

// A dialog with the conversions behind a number, or none.
function open(of) {
  behind = of;
  draw();
}

function app() {
  const theme = document.documentElement.dataset.theme ?? (system.matches ? 'dark' : 'light');
  return { live, catalogue, chosen, go, address, open, draw, theme };
}

function draw() {
  clearTimeout(due);
  due = null;
  drawn = Date.now();
  if (!catalogue) {
    render(html`<${Starting} trouble=${trouble} />`, root);
    return;
  }
  const now = app();
  const { view, questions } = VIEWS[chosen.view];
  live.watch([...Shell.questions(now), ...questions(now)]);
  // A row that moves to another place takes the focus along.
  const focused = document.activeElement;
  render(html`<${Shell} app=${now} views=${VIEWS}><${view} key=${chosen.view} app=${now} />
    ${behind && html`<${Conversions} key=${JSON.stringify(behind)} app=${now} of=${behind} />`}<//>`, root);
  if (document.activeElement === document.body && focused?.isConnected) focused.focus({ preventScroll: true });
}

function schedule() {
  if (due !== null || !catalogue) return;
  due = setTimeout(draw, Math.max(0, drawn + RENDER_MS - Date.now()));
}

// Links of the page change what is chosen, and do not load it again.
function follow(event) {
  const link = event.target.closest?.('a[href^="?"], a[href="./"]');
  if (!link || event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey) return;
  event.preventDefault();
  history.pushState(null, '', link.getAttribute('href'));
  arrive();
}

async function begin() {
  try {
    catalogue = new Catalogue((await ask('/api/v1/catalogue')).body);
  } catch (error) {
    trouble = error.message;
    draw();
    return void setTimeout(begin, RETRY_MS);
  }
  const windows = catalogue.windows.filter((window) => window !== 'now');
  defaults = { view: 'overview', metric: 'leads', trend: 'revenue', stage: 'won',
    window: pick('30d', windows, windows[0]), model: pick('linear', catalogue.rules, catalogue.rules[0]) };
  try {
    live.hear((await ask('/api/v1/status')).body);
  } catch (error) {
    // The stream brings it; until then the page says that it knows nothing.
    console.info(`no status yet: ${error.message}`);
  }
  arrive();
  setInterval(() => live.paused === null && schedule(), 1000);
}

const system = matchMedia('(prefers-color-scheme: dark)');
system.addEventListener('change', () => catalogue && draw());
document.addEventListener('click', follow);
// What nobody sees listens to nothing: a page that was left, which the browser may keep, and, soon, one in another tab.
window.addEventListener('pagehide', () => live.rest());
window.addEventListener('pageshow', () => live.wake());
let resting = null;
document.addEventListener('visibilitychange', () => {
  clearTimeout(resting);
  if (document.hidden) resting = setTimeout(() => live.rest(), REST_MS);
  else live.wake();
});
window.addEventListener('popstate', () => catalogue && arrive());
begin();
