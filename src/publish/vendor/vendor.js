// What the page uses of other people's work, in one module: esbuild bundles it into src/publish/page/vendor/.
import htm from 'htm';
import { h } from 'preact';

export { render } from 'preact';
export { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
export { sankey, sankeyLeft, sankeyLinkHorizontal } from 'd3-sankey';
export { default as uPlot } from 'uplot';
export const html = htm.bind(h);
