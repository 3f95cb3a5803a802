// A line chart over time, by uPlot, in the colours of the theme; the same numbers are below it as a table.

import { brief, day, moment, number } from './format.js';
import { html, uPlot, useEffect, useRef } from './vendor/vendor.js';

const HEIGHT = 210;

// `rows` are of one KPI, the oldest first.
export function Trend({ rows, unit, name, zone, theme }) {
  const place = useRef(null);
  const chart = useRef(null);
  const points = rows.filter((row) => row.value !== null);
  const currency = points.at(-1)?.currency;
  const print = `${name} ${theme} ${points.map((row) => `${row.start}:${row.value}`).join()}`;
  const stamped = stamps(points[0]?.window, zone);
  const data = [points.map((row) => row.start / 1000), points.map((row) => row.value)];
  useEffect(() => {
    if (points.length < 2) return undefined;
    const into = place.current;
    chart.current = new uPlot(options(into, { unit, name, currency, zone, stamped }), data, into);
    const watcher = new ResizeObserver(() => {
      if (into.clientWidth > 0) chart.current?.setSize({ width: into.clientWidth, height: HEIGHT });
    });
    watcher.observe(into);
    return () => { watcher.disconnect(); chart.current.destroy(); chart.current = null; };
  }, [name, unit, theme, zone, points.length < 2]);
  useEffect(() => {
    chart.current?.setData(data);
    if (chart.current) tellLast(chart.current);
  }, [print]);
  if (points.length < 2) return null;
  return html`<div class="trend" role="img" aria-label=${spoken(points, unit, name, stamped)} ref=${place}></div>
    <details class="numbers"><summary>The same as a table</summary>
      <div class="scroll" role="region" aria-label=${`${name}, as a table`} tabindex="0"><table>
        <caption class="quiet">${name}</caption>
        <thead><tr><th scope="col">Begins</th><th scope="col">${name}</th></tr></thead>
        <tbody>${points.slice(-31).reverse().map((row) => html`<tr key=${row.start}>
          <th scope="row">${stamped(row)}</th><td>${number(row.value, unit, row.currency)}</td></tr>`)}
        </tbody></table></div></details>`;
}

// Of hours and minutes the time is told, of longer windows the day.
function stamps(window, zone) {
  return ({ start }) => (window === '1h' || window === '1m' ? moment(start, zone) : day(start, zone));
}

function spoken(points, unit, name, stamped) {
  const [first, last] = [points[0], points.at(-1)];
  const most = points.reduce((a, b) => (b.value > a.value ? b : a));
  const said = (row) => `${number(row.value, unit, row.currency)} on ${stamped(row)}`;
  return `Line chart of ${name}: from ${said(first)} to ${said(last)}; the most was ${said(most)}. A table follows.`;
}

function tellLast(plot) {
  plot.setLegend({ idx: plot.data[0].length - 1 }, false);
}

function options(into, { unit, name, currency, zone, stamped }) {
  const at = (seconds) => stamped({ start: seconds * 1000 });
  const colour = (of) => getComputedStyle(into.closest('.page').querySelector(`.ink-${of}`)).color;
  const [accent, soft, line, tint] = ['accent', 'soft', 'line', 'tint'].map(colour);
  const font = '12px system-ui, sans-serif';
  const axis = { stroke: soft, font, grid: { stroke: line, width: 1 }, ticks: { show: false } };
  return {
    width: into.clientWidth || 320,
    height: HEIGHT,
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), zone),
    padding: [10, 8, 0, 0],
    cursor: { y: false, drag: { x: false, y: false } },
    legend: { live: true },
    // Where nothing is pointed at, the latest is told.
    hooks: { setLegend: [(plot) => plot.legend.idx === null && tellLast(plot)] },
    scales: { y: { range: (_, least, most) => [Math.min(0, least), most > 0 ? most * 1.08 : 1] } },
    axes: [
      { ...axis, size: 30, grid: { show: false }, values: (_, ticks) => ticks.map((tick) => at(tick)) },
      { ...axis, size: 62, values: (_, ticks) => ticks.map((tick) => brief(tick, unit, currency)) },
    ],
    series: [
      { label: 'At', value: (_, tick) => (tick === null ? '' : at(tick)) },
      { label: name, stroke: accent, width: 2, fill: tint, points: { show: false },
        value: (_, value) => number(value, unit, currency) },
    ],
  };
}
