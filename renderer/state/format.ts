/** How values are written, everywhere. Value and unit are joined by a narrow no-break space. */

export const NARROW_SPACE = '\u202f';
export const NOTHING = '–';

type Maybe = number | null | undefined;

function isMissing(value: Maybe): value is null | undefined {
  return value === null || value === undefined || !Number.isFinite(value);
}

/** Milliseconds in three significant figures at most: 226 µs, 4.1 ms, 27 ms, 1.24 s, 6 min 12 s, 2 h 05 min. */
export function formatDuration(milliseconds: Maybe): string {
  if (isMissing(milliseconds) || milliseconds < 0) return NOTHING;
  const micros = Math.round(milliseconds * 1000);
  if (micros < 1000) return `${micros}${NARROW_SPACE}µs`;
  if (milliseconds < 9.95) return `${milliseconds.toFixed(1)}${NARROW_SPACE}ms`;
  if (milliseconds < 999.5) return `${Math.round(milliseconds)}${NARROW_SPACE}ms`;
  if (milliseconds < 9_995) return `${(milliseconds / 1000).toFixed(2)}${NARROW_SPACE}s`;
  if (milliseconds < 59_950) return `${(milliseconds / 1000).toFixed(1)}${NARROW_SPACE}s`;
  const seconds = Math.round(milliseconds / 1000);
  if (seconds < 3600) return pair(Math.floor(seconds / 60), 'min', seconds % 60, 's');
  const minutes = Math.round(seconds / 60);
  return pair(Math.floor(minutes / 60), 'h', minutes % 60, 'min');
}

function pair(major: number, majorUnit: string, minor: number, minorUnit: string): string {
  return [major, majorUnit, pad(minor, 2), minorUnit].join(NARROW_SPACE);
}

/** A configured length of time, without needless figures and near to how it is written: 500 ms, 30 s, 90 s, 5 min. */
export function formatSetting(milliseconds: Maybe): string {
  if (isMissing(milliseconds)) return NOTHING;
  if (milliseconds < 1000) return `${milliseconds}${NARROW_SPACE}ms`;
  if (milliseconds <= 120_000) return `${Number((milliseconds / 1000).toFixed(2))}${NARROW_SPACE}s`;
  const seconds = Math.round(milliseconds / 1000);
  if (seconds % 60 === 0) return `${seconds / 60}${NARROW_SPACE}min`;
  return pair(Math.floor(seconds / 60), 'min', seconds % 60, 's');
}

/** Decimal units: 51 B, 1.2 kB, 24 kB, 1.9 MB. */
export function formatBytes(bytes: Maybe): string {
  if (isMissing(bytes)) return NOTHING;
  if (bytes < 1000) return `${Math.round(bytes)}${NARROW_SPACE}B`;
  const units = ['kB', 'MB', 'GB', 'TB'];
  let value = bytes / 1000;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${value < 9.95 ? value.toFixed(1) : Math.round(value)}${NARROW_SPACE}${units[unit] ?? 'TB'}`;
}

/** Whole megabytes, for meters: 182 MB. */
export function formatMegabytes(bytes: Maybe): string {
  return isMissing(bytes) ? NOTHING : `${wholeMegabytes(bytes)}${NARROW_SPACE}MB`;
}

export function wholeMegabytes(bytes: number): string {
  return formatCount(bytes / 1e6);
}

/** Per second: 0/s, <0.1/s, 0.9/s, 22/s, 1,204/s. */
export function formatRate(perSecond: Maybe): string {
  if (isMissing(perSecond)) return NOTHING;
  return `${formatRateValue(perSecond)}/s`;
}

export function formatRateValue(perSecond: number): string {
  if (perSecond <= 0) return '0';
  if (perSecond < 0.05) return '<0.1';
  if (perSecond < 9.95) return perSecond.toFixed(1);
  return formatCount(perSecond);
}

/** A share from 0 to 1, with one decimal below 10 % and above 99 %: 0.4 %, 33 %, 99.6 %. */
export function formatShare(share: Maybe): string {
  if (isMissing(share)) return NOTHING;
  const percent = share * 100;
  if (percent === 0) return `0${NARROW_SPACE}%`;
  if (percent < 0.05) return `<0.1${NARROW_SPACE}%`;
  if (percent > 99.95 && percent < 100) return `>99.9${NARROW_SPACE}%`;
  if (percent < 9.95 || (percent > 99 && percent < 100)) return `${percent.toFixed(1)}${NARROW_SPACE}%`;
  return `${Math.round(percent)}${NARROW_SPACE}%`;
}

/** In full, with commas: 13,598. */
export function formatCount(count: Maybe): string {
  if (isMissing(count)) return NOTHING;
  return Math.round(count)
    .toString()
    .replace(/\B(?=(\d{3})+$)/g, ',');
}

/** For gutters: 14k, 7.0k, 1.2M. */
export function formatCountShort(count: Maybe): string {
  if (isMissing(count)) return NOTHING;
  if (count < 1000) return String(Math.round(count));
  if (count < 9_950) return `${(count / 1000).toFixed(1)}k`;
  if (count < 999_500) return `${Math.round(count / 1000)}k`;
  return `${(count / 1e6).toFixed(1)}M`;
}

/** Local wall time, 24 h: 14:31:48.363 (lists), 14:31:48 (text), 14:31 (axes). */
export function formatTime(at: Maybe, precision: 'milliseconds' | 'seconds' | 'minutes' = 'seconds'): string {
  if (isMissing(at)) return NOTHING;
  const date = new Date(at);
  const minutes = `${pad(date.getHours(), 2)}:${pad(date.getMinutes(), 2)}`;
  if (precision === 'minutes') return minutes;
  const seconds = `${minutes}:${pad(date.getSeconds(), 2)}`;
  return precision === 'seconds' ? seconds : `${seconds}.${pad(date.getMilliseconds(), 3)}`;
}

/** Whole seconds until `until`: "41 s left", never negative. */
export function formatCountdown(until: number, now: number): string {
  const left = secondsLeft(until, now);
  if (left >= 60) return `${pair(Math.floor(left / 60), 'min', left % 60, 's')} left`;
  return `${left}${NARROW_SPACE}s left`;
}

export function secondsLeft(until: number, now: number): number {
  return Math.max(0, Math.ceil((until - now) / 1000));
}

/** "1 host", "3 hosts". */
export function plural(count: number, singular: string, many = `${singular}s`): string {
  return `${formatCount(count)} ${count === 1 ? singular : many}`;
}

function pad(value: number, width: number): string {
  return String(value).padStart(width, '0');
}
