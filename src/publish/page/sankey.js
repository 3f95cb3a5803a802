// Paths of channels as a Sankey diagram, laid out by d3-sankey. It is a picture: the same numbers stand in the table of
// paths.

import { label, number } from './format.js';
import { html, sankey, sankeyLinkHorizontal, useEffect, useRef, useState } from './vendor/vendor.js';

const PHONE = 560;
const NODE = 12;
const COLOURS = 10;

export function Flow({ paths, end }) {
  const place = useRef(null);
  const [width, measure] = useState(0);
  useEffect(() => {
    const into = place.current;
    const watcher = new ResizeObserver(() => measure(Math.floor(into.clientWidth)));
    watcher.observe(into);
    return () => watcher.disconnect();
  }, []);
  return html`<div class="flow" ref=${place}>${width > 0 && html`<${Diagram} paths=${paths} end=${end}
    width=${width} />`}</div>`;
}

// Nodes are channels at a step; what is longer than the picture is wide goes on under `more`.
function graph(paths, end, most) {
  const nodes = new Map();
  const links = new Map();
  const node = (id, of) => nodes.set(id, nodes.get(id) ?? { id, ...of }).get(id).id;
  for (const { steps, value } of paths) {
    const shown = steps.length > most ? [...steps.slice(0, most - 1), `+${steps.length - most + 1} more`] : steps;
    const ids = shown.map((name, step) => node(`${step} ${name}`, { name, step, more: steps.length > most
      && step === most - 1 }));
    ids.push(node('end', { name: end, end: true }));
    ids.slice(1).forEach((target, at) => {
      const key = `${ids[at]}→${target}`;
      const link = links.get(key) ?? { source: ids[at], target, value: 0 };
      links.set(key, { ...link, value: link.value + value });
    });
  }
  return { nodes: [...nodes.values()], links: [...links.values()] };
}

function Diagram({ paths, end, width }) {
  const phone = width < PHONE;
  const data = graph(paths, end, phone ? 3 : 5);
  const deepest = Math.max(...data.nodes.map((node) => (node.end ? 0 : node.step))) + 1;
  const steps = Array.from({ length: deepest }, (_, at) => data.nodes.filter((node) => node.step === at).length);
  const perStep = Math.max(...steps);
  const height = Math.max(180, Math.min(560, perStep * (phone ? 30 : 34)));
  const right = 34 + end.length * (phone ? 6.2 : 6.6);
  const layout = sankey().nodeId((node) => node.id).nodeWidth(NODE).nodePadding(phone ? 16 : 14)
    .nodeAlign((node) => (node.end ? deepest : node.step)).extent([[1, 14], [width - right, height - 6]]);
  const { nodes, links } = layout(data);
  const colours = new Map([...new Set(nodes.filter((node) => !node.end && !node.more).sort((a, b) => b.value - a.value)
    .map((node) => node.name))].map((name, at) => [name, at % COLOURS]));
  const tone = (node) => (node.end ? 'end' : node.more ? 'more' : colours.get(node.name));
  const line = sankeyLinkHorizontal();
  return html`<svg width=${width} height=${height} viewBox=${`0 0 ${width} ${height}`} role="img"
      aria-label=${`Sankey diagram of ${paths.length} paths to ${end}; the table of top paths has
        the same numbers. ${spoken(paths)}`}>
    <g class="links">${links.map((link) => html`<path key=${`${link.source.id}→${link.target.id}`} d=${line(link)}
      class=${`tone-${tone(link.source)}`} stroke-width=${Math.max(1, link.width)}>
      <title>${label(link.source.name)} → ${label(link.target.name)}: ${number(link.value, 'count')}</title></path>`)}
    </g>
    <g class="nodes">${nodes.map((node) => html`<g key=${node.id}>
      <rect x=${node.x0} y=${node.y0} width=${NODE} height=${Math.max(1.5, node.y1 - node.y0)} rx="2"
        class=${`tone-${tone(node)}`}>
        <title>${`${label(node.name)}: ${number(node.value, 'count')}`}</title></rect>
      <${Name} node=${node} phone=${phone} />
    </g>`)}</g>
  </svg>`;
}

function Name({ node, phone }) {
  const tall = node.y1 - node.y0;
  if (tall < 3 && !node.end) return null;
  const text = label(node.name);
  const short = phone && text.length > 13 ? `${text.slice(0, 12)}…` : text;
  return phone && !node.end
    ? html`<text x=${node.x0} y=${node.y0 - 4}>${short}</text>`
    : html`<text x=${node.x1 + 6} y=${(node.y0 + node.y1) / 2} dy="0.35em">${short} <tspan
      class="soft">${number(node.value, 'count')}</tspan></text>`;
}

function spoken(paths) {
  const said = ({ steps, value }) => `${steps.map(label).join(', then ')}: ${number(value, 'count')}`;
  return paths.slice(0, 3).map(said).join('. ');
}
