import type { AdminResponse } from './types.ts';

export const TEXT = 'text/plain; charset=UTF-8';
export const JSON_TYPE = 'application/json';

export function text(body: string, status = 200): AdminResponse {
  return { status, contentType: TEXT, body };
}

/** Pretty-printed as Envoy's: one blank of indent, a newline at the end; an empty object is `{}` alone. */
export function json(value: unknown): AdminResponse {
  return { status: 200, contentType: JSON_TYPE, body: prettyJson(value) };
}

export function prettyJson(value: unknown): string {
  const body = JSON.stringify(value, null, 1);
  return body === '{}' ? body : `${body}\n`;
}

export const OK: AdminResponse = text('OK\n');
