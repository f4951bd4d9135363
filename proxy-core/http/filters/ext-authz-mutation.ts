import { type HeaderList, headerValue, removeHeader } from '../../base/headers.ts';
import type { RequestHead, ResponseHead } from '../../base/stream-info.ts';
import type { AuthzResult } from './ext-authz-result.ts';
import { type MutationRules, mayRemove, maySet } from './mutation-rules.ts';
import { withQuery } from './query-string.ts';

/** Carries out what the service wants of the request; overwritten headers move to the end, as Envoy's do. */
export function changeRequest(head: RequestHead, result: AuthzResult): void {
  forEach(result.set, (name, value) => setRequestHeader(head, name, value));
  for (const text of result.add) head.headers.push(text);
  forEach(result.append, (name, value) => appendTo(head.headers, name, value));
  for (const name of result.remove) {
    if (!name.startsWith(':') && name !== 'host') removeHeader(head.headers, name);
  }
  if (result.querySet.length > 0 || result.queryRemove.length > 0) {
    head.path = withQuery(head.path, result.querySet, result.queryRemove);
  }
}

/** Whether another route may match now. */
export function changesRequest(result: AuthzResult): boolean {
  const { set, add, append, remove, querySet, queryRemove } = result;
  return set.length + add.length + append.length + remove.length + querySet.length + queryRemove.length > 0;
}

export function setRequestHeader(head: RequestHead, name: string, value: string): void {
  switch (name) {
    case ':path':
      head.path = value;
      return;
    case ':method':
      head.method = value;
      return;
    case ':scheme':
      head.scheme = value;
      return;
    case ':authority':
    case 'host':
      head.authority = value;
      return;
    default:
      if (name.startsWith(':')) return;
      removeHeader(head.headers, name);
      head.headers.push(name, value);
  }
}

/** Only a header that is there is appended to. */
function appendTo(headers: HeaderList, name: string, value: string): void {
  for (let i = 0; i < headers.length; i += 2) {
    if (headers[i] !== name) continue;
    headers[i + 1] = `${headers[i + 1]},${value}`;
    return;
  }
}

export function changeResponse(head: ResponseHead, wanted: AuthzResult['response']): void {
  const { headers } = head;
  for (const text of wanted.add) headers.push(text);
  forEach(wanted.set, (name, value) => {
    removeHeader(headers, name);
    headers.push(name, value);
  });
  forEach(wanted.addIfAbsent, (name, value) => {
    if (headerValue(headers, name) === undefined) headers.push(name, value);
  });
  forEach(wanted.overwriteIfExists, (name, value) => {
    if (headerValue(headers, name) === undefined) return;
    removeHeader(headers, name);
    headers.push(name, value);
  });
}

const NAME = /^:?[!#$%&'*+\-.^_`|~0-9a-zA-Z]+$/;
const BREAKS = /[\0\r\n]/;

function valid(name: string, value: string): boolean {
  return NAME.test(name) && !BREAKS.test(value);
}

export function hasInvalidHeader(result: AuthzResult): boolean {
  return lists(result).some((list) => validOnly(list).length < list.length);
}

/** What would break out of its line never comes into a head, whatever the configuration says. */
export function withoutInvalidHeaders(result: AuthzResult): AuthzResult {
  if (!hasInvalidHeader(result)) return result;
  const { response } = result;
  return {
    ...result,
    set: validOnly(result.set),
    add: validOnly(result.add),
    append: validOnly(result.append),
    response: {
      add: validOnly(response.add),
      set: validOnly(response.set),
      addIfAbsent: validOnly(response.addIfAbsent),
      overwriteIfExists: validOnly(response.overwriteIfExists),
    },
  };
}

/** The changes that the rules allow; null when one that they forbid makes an error. A denial is not touched. */
export function within(rules: MutationRules | null, result: AuthzResult): AuthzResult | null {
  if (rules === null || result.kind !== 'ok') return result;
  const may = (name: string): boolean => maySet(rules, name);
  const kept = {
    ...result,
    set: allowedOnly(result.set, may),
    add: allowedOnly(result.add, may),
    append: allowedOnly(result.append, may),
    remove: result.remove.filter((name) => mayRemove(rules, name)),
  };
  const same =
    kept.set.length === result.set.length &&
    kept.add.length === result.add.length &&
    kept.append.length === result.append.length &&
    kept.remove.length === result.remove.length;
  return same || !rules.disallowIsError ? kept : null;
}

function allowedOnly(list: HeaderList, may: (name: string) => boolean): HeaderList {
  const kept: HeaderList = [];
  forEach(list, (name, value) => {
    if (may(name)) kept.push(name, value);
  });
  return kept;
}

function lists({ set, add, append, response }: AuthzResult): HeaderList[] {
  return [set, add, append, response.add, response.set, response.addIfAbsent, response.overwriteIfExists];
}

function validOnly(list: HeaderList): HeaderList {
  const kept: HeaderList = [];
  forEach(list, (name, value) => {
    if (valid(name, value)) kept.push(name, value);
  });
  return kept;
}

function forEach(list: HeaderList, each: (name: string, value: string) => void): void {
  for (let i = 0; i < list.length; i += 2) each(list[i] as string, list[i + 1] as string);
}
