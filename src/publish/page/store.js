// KpiUpdates by their key. The newest of a key wins, in whatever order answers and events arrive.

const escapes = { '%': '%25', '|': '%7C', ',': '%2C', '=': '%3D' };

// The key of the kpis topic.
export function keyOf(row) {
  const dims = Object.entries(row.dims).sort(([a], [b]) => (a < b ? -1 : 1));
  const text = dims.map(([name, value]) => `${name}=${value.replace(/[%|,=]/g, (c) => escapes[c])}`).join(',');
  return `${row.kpi}|${row.window}|${row.start ?? ''}|${text}`;
}

// KPI and window of a key, which separate without escapes.
const shelfOf = (key) => key.slice(0, key.indexOf('|', key.indexOf('|') + 1));

export class Store {
  shelves = new Map();
  watermark = null;

  // The keys that are new or have another value; `seen` takes all of them.
  put(rows, seen) {
    const changed = [];
    for (const row of rows) {
      const key = keyOf(row);
      seen.add(key);
      const name = shelfOf(key);
      if (!this.shelves.has(name)) this.shelves.set(name, new Map());
      const shelf = this.shelves.get(name);
      const known = shelf.get(key);
      if (known && known.updated_at > row.updated_at) continue;
      if (!known || known.value !== row.value) changed.push(key);
      shelf.set(key, row);
      this.advance(row.watermark);
    }
    return changed;
  }

  remove(keys) {
    for (const key of keys) this.shelves.get(shelfOf(key))?.delete(key);
  }

  // Everything else is not asked for any more, or gone.
  keepOnly(keys) {
    for (const shelf of this.shelves.values()) {
      for (const key of shelf.keys()) if (!keys.has(key)) shelf.delete(key);
    }
  }

  advance(watermark) {
    if (watermark !== null) this.watermark = Math.max(this.watermark ?? watermark, watermark);
  }

  isRunning(row) {
    return row.end === null || this.watermark === null || row.end > this.watermark;
  }

  // Rows of a KPI and window, the oldest first, with these values of dimensions and any of the free ones, and no other.
  series(kpi, window, fixed = {}, ...free) {
    const given = Object.entries(fixed);
    const count = given.length + free.length;
    const wanted = ({ dims }) => Object.keys(dims).length === count
      && given.every(([name, value]) => dims[name] === value) && free.every((name) => name in dims);
    const shelf = this.shelves.get(`${kpi}|${window}`);
    return shelf ? [...shelf.values()].filter(wanted).sort((a, b) => a.start - b.start) : [];
  }

  running(kpi, window, fixed = {}, ...free) {
    return this.series(kpi, window, fixed, ...free).filter((row) => this.isRunning(row));
  }

  // The row of the window that runs, if there is one.
  now(kpi, window, fixed = {}) {
    return this.running(kpi, window, fixed).at(-1);
  }
}
