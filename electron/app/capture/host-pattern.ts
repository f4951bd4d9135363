/** Host patterns of outbound capture: which names' TLS is ended here. */
import { AttacheError } from '../../../proxy-core/index.ts';

/** Labels of a host name, `*` for whatever a label may hold. */
const LABEL = /^[a-z0-9_*]([a-z0-9_*-]{0,61}[a-z0-9_*])?$/;
const IPV4 = /^\d{1,3}(\.\d{1,3}){3}$/;

/**
 * A pattern as a regular expression (RE2) that the authority of a CONNECT must match whole. `*` stands for any part of
 * one label (`api.*.example.com`, `api-*.example.com`); a `*.` in front for any number of labels, at least one; a lone
 * `*` for every name. A port at the end (`:8443`) limits it to that port. Throws AttacheError `capture.bad-pattern`.
 */
export function patternRegex(pattern: string): string {
  const [, host = '', port] = /^(.*?)(?::(\d{1,5}))?$/.exec(pattern.trim().toLowerCase()) ?? [];
  const ports = port === undefined ? '[0-9]+' : String(Number(port));
  if (host === '*') return `.+:${ports}`;
  const labels = host.split('.');
  if (
    host.length > 253 ||
    IPV4.test(host) ||
    !labels.every((label) => LABEL.test(label)) ||
    Number(port ?? 1) > 65_535
  ) {
    throw new AttacheError(
      'capture.bad-pattern',
      `“${pattern}” is no host pattern. Name hosts, not addresses or URLs: api.example.com, *.example.com, api.*.example.com:8443.`,
    );
  }
  const [first = '', ...rest] = labels;
  const front = first === '*' ? '(?:[^.:]+[.])*[^.:]+' : labelRegex(first);
  return `(?i)${[front, ...rest.map(labelRegex)].join('[.]')}:${ports}`;
}

function labelRegex(label: string): string {
  if (label === '*') return '[^.:]+';
  return label.replaceAll('*', '[^.:]*');
}

/** Authorities that are addresses: TLS names no server there, so that no certificate could be made. */
export const ADDRESS_REGEX = '(?:[0-9]{1,3}(?:[.][0-9]{1,3}){3}|\\[[^\\]]*\\]):[0-9]+';
