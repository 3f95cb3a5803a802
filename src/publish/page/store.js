// KpiUpdates by their key. The newest of a key wins, in whatever order answers and events arrive.

const escapes = { '%': '%25', '|': '%7C', ',': '%2C', '=': '%3D' };

// The key of the kpis topic.
export function keyOf(row) {
  const dims = Object.entries(row.dims).sort(([a], [b]) => (a < b ? -1 : 1));
  const text = dims.map(([name, value]) => `${name}=${value.replace(/[%|,=]/g, (c) => escapes[c])}`).join(',');
  return `${row.kpi}|${row.window}|${row.start ?? ''}|${text}`;
}

export class Store {
  rows = new Map();
  watermark = null;

  clear() {
    this.rows.clear();
  }

  // The keys that changed.
  put(rows) {
    const changed = [];
    for (const row of rows) {
      const key = keyOf(row);
      const known = this.rows.get(key);
      if (known && known.updated_at > row.updated_at) continue;
      if (!known || known.value !== row.value) changed.push(key);
      this.rows.set(key, row);
      this.advance(row.watermark);
    }
    return changed;
  }

  remove(keys) {
    for (const key of keys) this.rows.delete(key);
  }

  advance(watermark) {
    if (watermark !== null) this.watermark = Math.max(this.watermark ?? watermark, watermark);
  }

  isRunning(row) {
    return row.end === null || this.watermark === null || row.end > this.watermark;
  }

  // Rows of a KPI and window with exactly these dimensions, the oldest first.
  series(kpi, window, ...dims) {
    const wanted = (row) => row.kpi === kpi && row.window === window && hasOnly(row.dims, dims);
    return [...this.rows.values()].filter(wanted).sort((a, b) => a.start - b.start);
  }

  running(kpi, window, ...dims) {
    return this.series(kpi, window, ...dims).filter((row) => this.isRunning(row));
  }
}

function hasOnly(dims, names) {
  return Object.keys(dims).length === names.length && names.every((name) => name in dims);
}
