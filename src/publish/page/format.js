// Numbers and times as people read them. What has no value is a dash, never a nought.

const NONE = '–';

export function number(value, unit, currency) {
  if (value === null || value === undefined) return NONE;
  if (unit.startsWith('currency')) return money(value, currency);
  if (unit === 'times') return `${digits(value, value < 100 ? 2 : 0)}×`;
  if (unit === 'ratio') return value > 0 && value < 0.0005 ? '<0.1 %' : `${digits(value * 100, 1)} %`;
  return count(value);
}

function digits(value, most) {
  return new Intl.NumberFormat(undefined, { maximumFractionDigits: most }).format(value);
}

export function count(value) {
  if (value === null || value === undefined) return NONE;
  if (Math.abs(value) >= 1e6) return compact(value);
  return digits(value, Number.isInteger(value) ? 0 : 1);
}

function compact(value, more) {
  return new Intl.NumberFormat(undefined, { notation: 'compact', maximumFractionDigits: 2, ...more }).format(value);
}

function money(value, currency) {
  const style = { style: 'currency', currency: currency ?? 'USD', currencyDisplay: 'narrowSymbol' };
  if (Math.abs(value) >= 1e6) return compact(value, style);
  const most = Math.abs(value) < 1000 ? 2 : 0;
  return new Intl.NumberFormat(undefined, { ...style, minimumFractionDigits: most, maximumFractionDigits: most })
    .format(value);
}

export function change(ratio) {
  if (ratio === null || ratio === undefined) return '';
  const percent = Math.abs(ratio) * 100;
  const arrow = ratio > 0 ? '▲' : ratio < 0 ? '▼' : '=';
  return `${arrow} ${digits(percent, percent < 10 ? 1 : 0)} %`;
}

// A length of time in its greatest unit.
export function span(millis) {
  const seconds = Math.max(0, Math.round(millis / 1000));
  for (const [unit, length] of [['d', 86400], ['h', 3600], ['min', 60]]) {
    if (seconds >= 2 * length) return `${Math.floor(seconds / length)} ${unit}`;
  }
  return `${seconds} s`;
}

export function moment(millis, zone) {
  if (millis === null || millis === undefined) return NONE;
  const year = new Date(millis).getFullYear() === new Date().getFullYear() ? {} : { year: 'numeric' };
  const options = { ...year, month: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' };
  return new Intl.DateTimeFormat(undefined, { ...options, timeZone: zone }).format(millis);
}

const named = { '1m': 'This minute', '1h': 'This hour', '1d': 'Today', '1w': 'This week', '1mo': 'This month',
  '1q': 'This quarter', '1y': 'This year', all: 'Since the beginning' };

export function windowName(window) {
  return named[window] ?? `Last ${window.slice(0, -1)} days`;
}

export function words(id) {
  const text = id.replaceAll('_', ' ');
  return text.charAt(0).toUpperCase() + text.slice(1);
}
