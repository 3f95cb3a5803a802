// Goals and budgets: what was planned for a window, how much of it is there, and whether it keeps pace.

import { day, label, list, number, quote, windowName, words } from './format.js';
import { nameOf, stageName, STAGES } from './kpis.js';
import { Bar, Card, Empty, Table } from './parts.js';
import { html } from './vendor/vendor.js';

const GOALS = ['goal', 'goal_attainment_ratio', 'goal_pace_ratio', 'goal_required', 'goal_lead_seconds'];
const BUDGETS = ['budget', 'budget_used_ratio', 'budget_pace_ratio', 'budget_projection'];
const SLOW = 0.95;
const FAST = 1.1;
const isSlow = (pace) => pace < SLOW;
const isFast = (pace) => pace > FAST;

const GOAL_EXAMPLE = `[[goals.targets]]
kpi = "revenue"
window = "1q"
target = 500000`;
const BUDGET_EXAMPLE = `[[budgets]]
channel = "paid_search"
window = "1mo"
amount = 20000`;

// Windows that a KPI has rows in.
function windowsOf(catalogue, kpi) {
  return [...new Set((catalogue.kpis.get(kpi)?.rows ?? []).flatMap((row) => row.windows))];
}

export function questions({ catalogue }) {
  const of = (kpis) => {
    const known = kpis.filter((kpi) => windowsOf(catalogue, kpi).length > 0);
    const windows = [...new Set(known.flatMap((kpi) => windowsOf(catalogue, kpi)))];
    return known.length > 0 ? [{ kpi: known.join(), window: windows.join(), start: 'running' }] : [];
  };
  return [...of(GOALS), ...of(BUDGETS)];
}

export function Goals({ app }) {
  const { chosen, catalogue } = app;
  const filtered = chosen.channel !== '';
  const windows = [...new Set(['goal', 'budget'].flatMap((kpi) => windowsOf(catalogue, kpi)))];
  return html`
    ${windows.length > 0 && html`<p class="note">Targets have windows of their own, whichever is chosen above:
      ${' '}${list(windows.map(quote))}.</p>`}
    <div class="columns">
      <${Targets} app=${app} filtered=${filtered} />
      <${Budgets} app=${app} filtered=${filtered} />
    </div>
    <${Required} app=${app} />`;
}

function HowTo({ what, example, where }) {
  return html`<p class="empty">No ${what} is configured. Add one to the configuration and restart; ${where}:</p>
    <pre class="example" tabindex="0" aria-label=${`Example of a ${what}`}><code>${example}</code></pre>`;
}

// How far a row's window has gone, by event time.
function elapsed({ live }, row) {
  const { watermark } = live.store;
  return watermark === null || row.start === null ? 0
    : Math.max(0, Math.min(1, (watermark - row.start) / (row.end - row.start)));
}

function Paced({ pace, isBad }) {
  if (pace === null || pace === undefined) return null;
  const bad = isBad(pace);
  return html`<span class=${`share ${bad ? 'bad' : 'good'}`}>${bad ? '▲ ' : ''}${number(pace, 'ratio')} of pace</span>`;
}

// In a few lines: each target of a running window, and whether it keeps pace.
export function Pace({ app }) {
  const { store } = app.live;
  const goals = windowsOf(app.catalogue, 'goal').flatMap((window) => store.running('goal', window, {}, 'kpi'));
  const budgets = windowsOf(app.catalogue, 'budget')
    .flatMap((window) => store.running('budget', window, {}, 'channel'));
  if (goals.length + budgets.length === 0) {
    return html`<p class="empty">No goal or budget is configured for a running window. <a
      href=${app.address({ view: 'goals' })}>How
      to add one</a></p>`;
  }
  const line = (row, name, pace, isBad) => html`<li key=${`${name} ${row.window}`}><span>${name} <small
    class="soft">${windowName(row.window)}</small></span>
    <${Paced} pace=${pace?.value} isBad=${isBad} /></li>`;
  const paced = (kpi, row) => store.now(kpi, row.window, row.dims);
  return html`<ul class="bars pace">
    ${goals.map((row) => line(row, `${nameOf(row.dims.kpi)} goal`, paced('goal_pace_ratio', row), isSlow))}
    ${budgets.map((row) => line(row, `${words(row.dims.channel)} budget`, paced('budget_pace_ratio', row), isFast))}
  </ul>`;
}

function Targets({ app, filtered }) {
  const { live, catalogue } = app;
  const windows = windowsOf(catalogue, 'goal');
  const goals = windows.flatMap((window) => live.store.running('goal', window, {}, 'kpi'));
  const of = (kpi, goal) => live.store.now(kpi, goal.window, goal.dims);
  return html`<${Card} id="goals" title="Goals"
    note=${windows.length > 0
      && `Pace is against the share of the working days that have gone: under 100 % it is behind. The mark on a bar
      is how much of the window has gone, a gap in it the target.`}>
    ${filtered && windows.length > 0 && html`<p class="note">Goals are of all channels.</p>`}
    ${windows.length === 0 ? html`<${HowTo}
      what="goal" example=${GOAL_EXAMPLE} where="any KPI, any configured window" />`
      : goals.length === 0 ? html`<${Empty} app=${app} kpi="goal" dims=${['kpi']} window=${windows[0]}
        what="No goal has begun" />`
        : html`<ul class="targets">${goals.map((goal) => html`<${Target} key=${`${goal.window} ${goal.dims.kpi}`}
          app=${app}
            name=${nameOf(goal.dims.kpi)} amount=${goal} share=${of('goal_attainment_ratio', goal)}
            pace=${of('goal_pace_ratio', goal)} good=${(pace) => pace >= 1} bad=${isSlow}
            said=${['ahead', 'on pace', 'behind']} />`)}</ul>`}
  <//>`;
}

function Budgets({ app, filtered }) {
  const { live, catalogue, chosen } = app;
  const windows = windowsOf(catalogue, 'budget');
  const { store } = live;
  const rows = (window) => [...store.running('budget', window), ...store.running('budget', window, {}, 'channel')];
  const budgets = windows.flatMap(rows)
    .filter((row) => row.value !== null && (!filtered || row.dims.channel === chosen.channel));
  const of = (kpi, budget) => live.store.now(kpi, budget.window, budget.dims);
  return html`<${Card} id="budgets" title="Budgets"
    note=${windows.length > 0
      && 'Pace is spend against the share of the window that has gone: over 100 % the budget ends early. '
      + 'The mark on a bar is how much of the window has gone, a gap in it the budget.'}>
    ${windows.length === 0 ? html`<${HowTo}
      what="budget" example=${BUDGET_EXAMPLE} where="by channel, for any calendar window" />`
      : budgets.length === 0 ? (filtered ? html`<p
        class="empty">No budget is configured for ${label(chosen.channel)}.</p>`
        : html`<${Empty} app=${app} kpi="budget" dims=${['channel']} window=${windows[0]}
          what="No budget has begun" />`)
        : html`<ul class="targets">${budgets.map((budget) => html`<${Target}
          key=${`${budget.window} ${budget.dims.channel ?? ''}`} app=${app}
            name=${budget.dims.channel ? label(budget.dims.channel) : 'All budgets'} amount=${budget}
            share=${of('budget_used_ratio', budget)} pace=${of('budget_pace_ratio', budget)}
            projection=${of('budget_projection', budget)} good=${(pace) => pace <= 1} bad=${isFast}
            said=${['under', 'on pace', 'over']} />`)}</ul>`}
  <//>`;
}

function Target({ app, name, amount, share, pace, projection, good, bad, said: ways }) {
  const gone = elapsed(app, amount);
  const value = pace?.value ?? null;
  const state = value === null ? '' : bad(value) ? 'bad' : good(value) ? 'good' : '';
  const said = value === null ? 'no pace yet' : ways[state === 'good' ? 0 : state === 'bad' ? 2 : 1];
  // What is over the target runs on beyond it.
  const scale = Math.max(1, share?.value ?? 0);
  const unit = amount.unit;
  const reached = share && share.value !== null ? share.value * amount.value : null;
  return html`<li class="target">
    <h4>${name} <small>${windowName(amount.window)}, to ${day(amount.end - 1, app.catalogue.zone)}</small></h4>
    <${Bar} share=${(share?.value ?? 0) / scale} mark=${gone / scale} target=${scale > 1 ? 1 / scale : undefined}
      className=${state} />
    <p><strong>${number(share?.value, 'ratio')}</strong> · ${number(reached, unit, amount.currency)} of
      ${' '}${number(amount.value, unit, amount.currency)} · ${number(gone, 'ratio')} of the window gone</p>
    <p class=${`pace ${state}`}>${said}${value !== null
      && html`: pace ${number(value, 'ratio')}`}${projection && projection.value !== null
      && html`, at this rate ${number(projection.value, unit, projection.currency)} in the end`}</p>
  </li>`;
}

// What a revenue goal asks of the stages before.
function Required({ app }) {
  const { live, catalogue } = app;
  const { store } = live;
  const rows = windowsOf(catalogue, 'goal_required')
    .flatMap((window) => store.running('goal_required', window, {}, 'stage'));
  if (rows.length === 0) return null;
  const place = ({ dims }) => STAGES.findIndex(([stage]) => stage === dims.stage);
  const sorted = rows.sort((a, b) => a.start - b.start || place(a) - place(b));
  return html`<${Card} id="required" title="What the revenue goal asks for" wide
    note="Entries that are needed of each stage, back from the goal by the average deal and the shares
      that go on; and how long before the end they are needed, by the median time from the stage to won.">
    <${Table} label="Entries needed for the revenue goal"><thead><tr><th scope="col">Stage</th><th
      scope="col">Window</th>
      <th scope="col">Entries needed</th><th scope="col">So long before the end</th></tr></thead>
      <tbody>${sorted.map((row) => html`<tr key=${`${row.window} ${row.dims.stage}`}><th
        scope="row">${stageName(row.dims.stage)}</th>
        <td>${windowName(row.window)}</td><td>${number(row.value === null ? null : Math.ceil(row.value), 'count')}</td>
        <td>${number(store.now('goal_lead_seconds', row.window, row.dims)?.value, 'seconds')}</td></tr>`)}</tbody><//>
  <//>`;
}
