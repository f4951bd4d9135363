import {
  createFileRegistry,
  type DescField,
  type DescMessage,
  type DescMethod,
  type FileRegistry,
  fromBinary,
} from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { type HttpRule, httpRules } from './http-rule.ts';
import { compareTemplates, matchesTemplate, type PathTemplate, parseTemplate } from './path-template.ts';

const HTTP_BODY = 'google.api.HttpBody';

/** One way to reach one gRPC method by HTTP. */
export interface MethodBinding {
  readonly method: DescMethod;
  readonly httpMethod: string;
  readonly template: PathTemplate;
  /** `*` = the whole message, empty = none, else a path of field names. */
  readonly body: string;
  /** Fields from the request message to its `google.api.HttpBody`; null: the body is JSON. */
  readonly requestHttpBody: readonly DescField[] | null;
  readonly responseHttpBody: readonly DescField[] | null;
}

export interface MethodTable {
  readonly registry: FileRegistry;
  readonly bindings: readonly MethodBinding[];
  /** Custom verbs of all templates. */
  readonly verbs: ReadonlySet<string>;
}

/** The descriptor set of a user, as a registry; null when it is none. */
export function readDescriptorSet(bytes: Uint8Array): FileRegistry | null {
  try {
    return createFileRegistry(fromBinary(FileDescriptorSetSchema, bytes));
  } catch {
    return null;
  }
}

/** Finds a field by its name or its JSON name. */
export function findField(message: DescMessage, name: string): DescField | undefined {
  return message.fields.find((field) => field.name === name || field.jsonName === name);
}

/** Fields along a path of names; null when one does not exist or is no message on the way. */
export function resolveFieldPath(message: DescMessage, path: readonly string[]): DescField[] | null {
  const fields: DescField[] = [];
  let at: DescMessage | undefined = message;
  for (const name of path) {
    const field: DescField | undefined = at === undefined ? undefined : findField(at, name);
    if (field === undefined) return null;
    fields.push(field);
    at = field.fieldKind === 'message' ? field.message : undefined;
  }
  return fields;
}

/** The bindings of the named services; a text when something does not fit, in Envoy's words. */
export function buildMethodTable(
  registry: FileRegistry,
  services: readonly string[],
  autoMapping: boolean,
): MethodTable | string {
  const bindings: MethodBinding[] = [];
  for (const name of services) {
    const service = registry.getService(name);
    if (service === undefined) return `transcoding_filter: Could not find '${name}' in the proto descriptor`;
    for (const method of service.methods) {
      const fullName = `${service.typeName}.${method.name}`;
      const automatic = {
        method: 'POST',
        path: `/${service.typeName}/${method.name}`,
        body: '*',
        responseBody: '',
      };
      const rules = httpRules(method) ?? (autoMapping ? [automatic] : []);
      for (const rule of rules) {
        const binding = bind(method, rule);
        if (typeof binding === 'string') {
          return `transcoding_filter: Cannot register '${fullName}'${binding}`;
        }
        bindings.push(binding);
      }
    }
  }
  const verbs = new Set(bindings.map(({ template }) => template.verb).filter((verb) => verb !== ''));
  return { registry, bindings, verbs };
}

function bind(method: DescMethod, rule: HttpRule): MethodBinding | string {
  const template = parseTemplate(rule.path);
  if (template === null || rule.method === '') return ' to path matcher';
  const requestHttpBody = httpBodyPath(method.input, rule.body);
  if (typeof requestHttpBody === 'string') return requestHttpBody;
  const responseHttpBody = httpBodyPath(method.output, rule.responseBody);
  if (typeof responseHttpBody === 'string') return responseHttpBody;
  if (rule.responseBody !== '' && responseHttpBody === null) {
    return `: Setting "response_body" is not supported yet for non-HttpBody fields: ${method.parent.typeName}.${method.name}`;
  }
  return { method, httpMethod: rule.method, template, body: rule.body, requestHttpBody, responseHttpBody };
}

function httpBodyPath(message: DescMessage, body: string): readonly DescField[] | null | string {
  const path = resolveFieldPath(message, body === '' || body === '*' ? [] : body.split('.'));
  if (path === null) return `: Could not find field "${body}" in the type "${message.typeName}".`;
  const last = path.at(-1);
  const type = last === undefined ? message : last.fieldKind === 'message' ? last.message : undefined;
  return type?.typeName === HTTP_BODY ? path : null;
}

/** The nearest binding for a request, and its path in parts; null when none fits. `path` is without its query. */
export function lookUp(
  table: MethodTable,
  httpMethod: string,
  path: string,
  anyVerb: boolean,
): { readonly binding: MethodBinding; readonly parts: readonly string[] } | null {
  let text = path;
  let verb = '';
  const colon = path.lastIndexOf(':');
  if (colon > path.lastIndexOf('/')) {
    const found = path.slice(colon + 1);
    if (anyVerb || table.verbs.has(found)) {
      verb = found;
      text = path.slice(0, colon);
    }
  }
  const parts = (text.startsWith('/') ? text.slice(1) : text).split('/');
  let best: MethodBinding | null = null;
  for (const binding of table.bindings) {
    const { template } = binding;
    if (binding.httpMethod !== httpMethod && binding.httpMethod !== '*') continue;
    if (template.verb !== verb && !(anyVerb && template.verb === '')) continue;
    if (!matchesTemplate(template, parts)) continue;
    if (best === null || compareTemplates(template, best.template) < 0) best = binding;
  }
  return best === null ? null : { binding: best, parts };
}
