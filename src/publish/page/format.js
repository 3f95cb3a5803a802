// Numbers and times as people read them. What has no value is a dash, never a nought.

export const NONE = '–';

const formats = new Map();

function digits(value, most, more = {}) {
  const key = JSON.stringify([most, more]);
  if (!formats.has(key)) formats.set(key, new Intl.NumberFormat(undefined, { maximumFractionDigits: most, ...more }));
  return formats.get(key).format(value);
}

export function number(value, unit, currency) {
  if (value === null || value === undefined) return NONE;
  if (unit.startsWith('currency')) return money(value, currency) + (unit === 'currency' ? '' : ' a day');
  if (unit === 'times') return `${digits(value, Math.abs(value) < 100 ? 2 : 0)}×`;
  if (unit === 'ratio') return value > 0 && value < 0.0005 ? '<0.1 %' : `${digits(value * 100, 1)} %`;
  if (unit === 'seconds') return duration(value);
  return count(value);
}

export function count(value) {
  if (value === null || value === undefined) return NONE;
  if (Math.abs(value) >= 1e6) return compact(value);
  return digits(value, Number.isInteger(value) ? 0 : 1);
}

function compact(value, more) {
  return digits(value, 2, { notation: 'compact', ...more });
}

function money(value, currency) {
  const style = { style: 'currency', currency: currency ?? 'USD', currencyDisplay: 'narrowSymbol' };
  if (Math.abs(value) >= 1e6) return compact(value, style);
  const most = Math.abs(value) < 1000 ? 2 : 0;
  return digits(value, most, { ...style, minimumFractionDigits: most });
}

// Short, for axes.
export function brief(value, unit, currency) {
  if (unit === 'ratio' || unit === 'seconds' || unit === 'times') return number(value, unit, currency);
  const style = unit.startsWith('currency')
    ? { style: 'currency', currency: currency ?? 'USD', currencyDisplay: 'narrowSymbol' } : {};
  return digits(value, 1, { notation: 'compact', minimumFractionDigits: 0, ...style });
}

export function change(ratio) {
  if (ratio === null || ratio === undefined) return '';
  const percent = Math.abs(ratio) * 100;
  const arrow = ratio > 0 ? '▲' : ratio < 0 ? '▼' : '=';
  return `${arrow} ${digits(percent, percent < 10 ? 1 : 0)} %`;
}

// The same in words, for those who hear it.
export function spokenChange(ratio) {
  const percent = digits(Math.abs(ratio) * 100, Math.abs(ratio) < 0.1 ? 1 : 0);
  return ratio === 0 ? 'unchanged' : `${ratio > 0 ? 'up' : 'down'} ${percent} %`;
}

export function points(share) {
  return `${digits(share * 100, share < 0.1 ? 1 : 0)} pts`;
}

const UNITS = [['d', 86400], ['h', 3600], ['min', 60]];

// A length of time in its greatest unit, with a digit where that says more.
export function duration(seconds) {
  if (seconds === null || seconds === undefined) return NONE;
  for (const [unit, length] of UNITS) {
    if (seconds >= length) return `${digits(seconds / length, seconds < 10 * length ? 1 : 0)} ${unit}`;
  }
  return `${digits(seconds, 0)} s`;
}

// How long ago, in whole units.
export function span(millis) {
  const seconds = Math.max(0, Math.round(millis / 1000));
  for (const [unit, length] of UNITS) {
    if (seconds >= 2 * length) return `${Math.floor(seconds / length)} ${unit}`;
  }
  return `${seconds} s`;
}

function dated(millis, zone, options) {
  const year = new Date(millis).getFullYear() === new Date().getFullYear() ? {} : { year: 'numeric' };
  const all = { ...year, month: 'short', day: 'numeric', ...options, timeZone: zone };
  const key = JSON.stringify(all);
  if (!formats.has(key)) formats.set(key, new Intl.DateTimeFormat(undefined, all));
  return formats.get(key).format(millis);
}

export function moment(millis, zone) {
  if (millis === null || millis === undefined) return NONE;
  return dated(millis, zone, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
}

export function day(millis, zone) {
  return dated(millis, zone, {});
}

const named = { '1m': 'This minute', '1h': 'This hour', '1d': 'Today', '1w': 'This week', '1mo': 'This month',
  '1q': 'This quarter', '1y': 'This year', all: 'Since the beginning', now: 'Now' };

export function windowName(window) {
  return named[window] ?? `Last ${window.slice(0, -1)} days`;
}

export function isRolling(window) {
  return !(window in named);
}

// A window amid a sentence.
export function quote(window) {
  return isRolling(window) ? `the last ${window.slice(0, -1)} days` : windowName(window).toLowerCase();
}

const before = { '1m': 'the minute', '1h': 'the hour', '1d': 'the day', '1w': 'the week', '1mo': 'the month',
  '1q': 'the quarter', '1y': 'the year' };

// What a window is compared with.
export function windowBefore(window) {
  return `${before[window] ?? `the ${window.slice(0, -1)} days`} before`;
}

const spelt = { u_shaped: 'U-shaped', w_shaped: 'W-shaped', j_shaped: 'J-shaped', inverse_j: 'Inverse J' };
const initials = /\b(sla|nps|ltv|cac|sqls?|mqls?|sals?)\b/g;

// An id as it is read: at the start of a sentence, or amid one.
export function words(id) {
  const text = amid(id);
  return text.charAt(0).toUpperCase() + text.slice(1);
}

export function amid(id) {
  return spelt[id] ?? id.replaceAll('_', ' ').replace(initials, (found) => (/^(sql|mql|sal)s$/.test(found)
    ? `${found.slice(0, 3).toUpperCase()}s` : found.toUpperCase()));
}

// Whether a dimension has a value at all.
export function isSaid(value) {
  return value !== '' && value !== '(none)';
}

// A channel, or another value of a dimension, as it is shown.
export function label(value) {
  if (value === '(unattributed)') return 'no touch';
  return value === '' ? '(none)' : value.replaceAll('_', ' ');
}

export function list(items) {
  return new Intl.ListFormat(undefined, { type: 'conjunction' }).format(items);
}
